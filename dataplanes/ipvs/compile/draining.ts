import { endpointKey, type FrontendKey } from '@portolan/core'
import { readDestinationKey } from '../layout/element.ts'
import {
  type ObservedServer,
  type ServerKey,
  type ServerPlace,
  serverKey,
  type VirtualServer,
} from '../layout/virtual-server.ts'
import { changePlacement, drainedPlacement, isWanted } from './change-placement.ts'
import { changeServer } from './change-server.ts'
import { MarkChange } from './mark-numbers.ts'
import type { Memory, Outcome } from './memory.ts'
import type { Placement } from './placement.ts'
import { type Step, StepOrder } from './step.ts'

/** Virtual servers that one upkeep looks at: with more than that, each has to wait for its turn. */
const serversPerCheck = 64

/** What is to be done about destinations that have drained, and what to remember then. */
export interface DrainProgram {
  readonly steps: readonly Step[]
  readonly outcome: Outcome
}

/** The virtual servers that the next upkeep looks at; then they go behind all others that drain. */
export function takeTurns(memory: Memory): (FrontendKey | number)[] {
  const keys = [...memory.draining].slice(0, serversPerCheck)
  for (const key of keys) {
    memory.draining.delete(key)
    memory.draining.add(key)
  }
  return keys
}

/** Those of an outcome that are not wanted any more: often nothing holds them, and they can go at once. */
export function unwanted({ memory, placements, marked }: Outcome): (FrontendKey | number)[] {
  return [
    ...[...marked].filter(([mark, server]) => server !== undefined && !memory.marks.isOwned(mark)),
    ...[...placements].filter(([, after]) => after?.server !== undefined && !isWanted(after)),
  ].map(([key]) => key)
}

/**
 * Graceful termination (SEMANTICS 14): a destination that left has weight 0, and is deleted when its last connection has
 * ended. Where the whole virtual server leaves, only established connections count: closed ones need it no more, while
 * it would refuse the node's own new connections.
 *
 * @param read gives virtual servers as they are now
 */
export async function checkDrained(
  family: Outcome['family'],
  memory: Memory,
  keys: readonly (FrontendKey | number)[],
  read: (places: readonly ServerPlace[]) => Promise<ReadonlyMap<ServerKey, ObservedServer>>,
): Promise<DrainProgram> {
  const order = new StepOrder()
  const placements = new Map<FrontendKey, Placement | undefined>()
  const marked = new Map<number, VirtualServer | undefined>()
  const servers = keys.flatMap(
    (key) => (typeof key === 'number' ? memory.marked.get(key) : memory.placements.get(key)?.server) ?? [],
  )
  const observed = await read(servers.map(({ place }) => place))
  for (const key of keys) {
    if (typeof key === 'number') {
      const before = memory.marked.get(key)
      if (before === undefined) continue
      const stays = memory.marks.isOwned(key)
      const server = left(before, observed.get(serverKey(before.place)), stays)
      const after = stays || server.draining.length > 0 ? server : undefined
      changeServer(before, after, order)
      marked.set(key, after)
    } else {
      const before = memory.placements.get(key)
      if (before?.server === undefined) continue
      const now = observed.get(serverKey(before.server.place))
      const after = drainedPlacement(before, left(before.server, now, isWanted(before)))
      changePlacement(readDestinationKey(key), before, after, order)
      placements.set(key, after)
    }
  }
  return {
    steps: order.steps,
    outcome: { family, memory, placements, marked, owners: new MarkChange() },
  }
}

/** The server without those that have no connection any more. */
function left(server: VirtualServer, observed: ObservedServer | undefined, stays: boolean): VirtualServer {
  const busy = new Set(
    observed?.destinations
      .filter(({ active, inactive }) => (stays ? active + inactive : active) > 0)
      .map(({ endpoint }) => endpointKey(endpoint)),
  )
  return { ...server, draining: server.draining.filter((endpoint) => busy.has(endpointKey(endpoint))) }
}
