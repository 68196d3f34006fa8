import { endpointKey, findFrontend, type RouteKey } from '@portolan/core'
import { type ServerPlace, serverKey, type VirtualServer } from '../layout/virtual-server.ts'
import { routeOfOwner } from './placement.ts'
import type { IpvsProgram } from './program.ts'
import type { DestinationStep } from './step.ts'

/** Milliseconds after which an address is tried again: it may be no broadcast address any more. */
const retryMs = 3_600_000

/**
 * Destinations whose address the kernel has refused: a broadcast address of one of the node's networks, or else none of
 * a host. Nothing about the address alone tells that. They are remembered, so that they are no drift at every look.
 */
export class UnusableDestinations {
  readonly #refusedAt = new Map<string, number>()
  readonly #now: () => number

  /** @param now milliseconds on a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  note(steps: readonly DestinationStep[]): void {
    for (const step of steps) this.#refusedAt.set(keyOf(step), this.#now())
  }

  /** Those of a program that have been refused of late. */
  among({ steps }: IpvsProgram): DestinationStep[] {
    if (this.#refusedAt.size === 0) return []
    for (const [key, at] of this.#refusedAt) if (this.#now() - at > retryMs) this.#refusedAt.delete(key)
    return steps.filter(
      (step): step is DestinationStep => step.do === 'add-destination' && this.#refusedAt.has(keyOf(step)),
    )
  }
}

/** The program without some destinations: they are neither asked for nor remembered, and their routes are told. */
export function withoutDestinations(program: IpvsProgram, left: readonly DestinationStep[]): IpvsProgram {
  if (left.length === 0) return program
  const keys = new Set(left.map(keyOf))
  const without = (server: VirtualServer): VirtualServer => ({
    ...server,
    endpoints: server.endpoints.filter((endpoint) => !keys.has(keyOf({ place: server.place, endpoint }))),
  })
  const { outcome } = program
  const degraded = new Map(program.degraded.map((one) => [one.route, one]))
  for (const { place, endpoint } of left) {
    const route = routeAt(program, place)
    const reason = `the kernel takes ${endpoint.address} for no address of a host: the endpoint is left out`
    if (route !== undefined && !degraded.has(route)) degraded.set(route, { route, reason })
  }
  const steps = program.steps.filter((step) => !('endpoint' in step) || !keys.has(keyOf(step)))
  return {
    ...program,
    steps,
    operations: program.operations - program.steps.length + steps.length,
    outcome: {
      ...outcome,
      placements: new Map(
        [...outcome.placements].map(([key, after]) => [
          key,
          after?.server === undefined ? after : { ...after, server: without(after.server) },
        ]),
      ),
      marked: new Map([...outcome.marked].map(([mark, server]) => [mark, server && without(server)])),
    },
    degraded: [...degraded.values()],
  }
}

function routeAt({ table, outcome }: IpvsProgram, place: ServerPlace): RouteKey | undefined {
  if (!('fwmark' in place)) return findFrontend(table, place)?.route.key
  const owner = outcome.owners.ownerOf(place.fwmark) ?? outcome.memory.marks.ownerOf(place.fwmark)
  return owner === undefined ? undefined : routeOfOwner(owner)
}

function keyOf({ place, endpoint }: Pick<DestinationStep, 'place' | 'endpoint'>): string {
  return `${serverKey(place)} ${endpointKey(endpoint)}`
}
