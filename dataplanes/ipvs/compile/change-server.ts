import { type Endpoint, endpointKey } from '@portolan/core'
import { destinationsOf, type ServerPlace, sameTerms, type VirtualServer } from '../layout/virtual-server.ts'
import type { Step, StepOrder } from './step.ts'

/**
 * What becomes of a virtual server: the wanted one, with what is left to drain of the one before. Without a wanted one
 * the whole server drains; `undefined` once there is nothing to drain.
 *
 * @param drains whether destinations that leave keep their connections: those of TCP and SCTP do
 */
export function settledServer(
  before: VirtualServer | undefined,
  wanted: VirtualServer | undefined,
  drains: boolean,
): VirtualServer | undefined {
  if (before === undefined || !drains) return wanted
  const left = destinationsOf(before)
  for (const endpoint of wanted?.endpoints ?? []) left.delete(endpointKey(endpoint))
  if (wanted !== undefined) return left.size === 0 ? wanted : { ...wanted, draining: [...left.values()] }
  if (left.size === 0) return undefined
  return { place: before.place, terms: before.terms, endpoints: [], draining: [...left.values()] }
}

/** Adds what leads from one state of a virtual server to the other; `undefined`: it isn't there. */
export function changeServer(
  before: VirtualServer | undefined,
  after: VirtualServer | undefined,
  order: StepOrder,
): void {
  const drained = new Set(before?.draining.map(endpointKey))
  const deletion = (place: ServerPlace, endpoint: Endpoint): Step => {
    // With the weight that it has, so that taking the step back leads no new connections to one that drains.
    const weight = drained.has(endpointKey(endpoint)) ? ({ weight: 0 } as const) : {}
    return { do: 'delete-destination', place, endpoint, ...weight }
  }
  if (after === undefined) {
    if (before === undefined) return
    const { place, terms } = before
    // One by one, so that taking them back brings the destinations back as well.
    for (const endpoint of destinationsOf(before).values()) order.shrink.push(deletion(place, endpoint))
    order.shrink.push({ do: 'delete-server', place, terms })
    return
  }
  const { place, terms } = after
  if (before === undefined) order.build.push({ do: 'add-server', place, terms })
  else if (!sameTerms(before.terms, terms))
    order.build.push({ do: 'edit-server', place, terms, before: before.terms })

  const full = new Set(before?.endpoints.map(endpointKey))
  const rest = new Map(
    [...(before?.draining ?? []), ...(before?.misweighed ?? [])].map((endpoint) => [
      endpointKey(endpoint),
      endpoint,
    ]),
  )
  for (const endpoint of after.endpoints) {
    const key = endpointKey(endpoint)
    if (full.delete(key)) continue
    if (rest.delete(key)) order.build.push({ do: 'weigh-destination', place, endpoint, weight: 1 })
    else order.build.push({ do: 'add-destination', place, endpoint })
  }
  const misweighed = new Set(before?.misweighed?.map(endpointKey))
  for (const endpoint of after.draining) {
    const key = endpointKey(endpoint)
    rest.delete(key)
    if (full.delete(key) || misweighed.has(key))
      order.shrink.push({ do: 'weigh-destination', place, endpoint, weight: 0 })
  }
  for (const [key, endpoint] of destinationsOf(before)) {
    if (full.has(key) || rest.has(key)) order.shrink.push(deletion(place, endpoint))
  }
}
