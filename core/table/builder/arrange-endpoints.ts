import type { Address } from '../../network/address.ts'
import { type Endpoint, endpointKey } from '../service-route.ts'

/**
 * Gives a new set of endpoints the order that leaves as many as possible where they were: newcomers take the places
 * of those that left; places still empty are filled from the end, so at most as many move as left. Without an order
 * to keep, sorted. The very same array when nothing changed, and the same objects for endpoints that stay.
 *
 * A dataplane may number its slots by position, and then one endpoint more or less is one slot written.
 */
export function arrangeEndpoints(
  before: readonly Endpoint[],
  after: readonly Endpoint[],
): readonly Endpoint[] {
  if (before.length === 0 || after.length === 0) return sorted(after)
  const coming = new Map(after.map((endpoint) => [endpointKey(endpoint), endpoint]))
  let changed = after.length !== before.length
  const slots: (Endpoint | undefined)[] = before.map((old) => {
    const key = endpointKey(old)
    const stays = coming.get(key)
    coming.delete(key)
    if (stays !== undefined && stays.local === old.local) return old
    changed = true
    return stays
  })
  if (!changed) return before
  return closeGaps(slots, [...coming.values()].sort(byAddressAndPort))
}

/**
 * The same endpoints in the order of a predecessor, given as endpoint keys by slot; those that it doesn't have fill up
 * as newcomers do. The very same array when it is in that order.
 */
export function adoptOrder(endpoints: readonly Endpoint[], order: readonly string[]): readonly Endpoint[] {
  const known = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const before = order.map((key) => known.get(key) ?? departed)
  const arranged = arrangeEndpoints(before, endpoints)
  return arranged.every((endpoint, index) => endpoint === endpoints[index]) ? endpoints : arranged
}

/** Stands for an endpoint that has left: no endpoint has port 0. */
const departed: Endpoint = { address: '0.0.0.0' as Address, port: 0, local: false }

function closeGaps(slots: (Endpoint | undefined)[], newcomers: Endpoint[]): readonly Endpoint[] {
  const filled: Endpoint[] = []
  const waiting = newcomers.values()
  for (let index = 0; index < slots.length; index++) {
    const endpoint = slots[index] ?? waiting.next().value ?? lastOf(slots, index)
    if (endpoint !== undefined) filled.push(endpoint)
  }
  return [...filled, ...waiting]
}

/** Takes the last endpoint after `index` out of the slots. */
function lastOf(slots: (Endpoint | undefined)[], index: number): Endpoint | undefined {
  while (slots.length > index + 1) {
    const last = slots.pop()
    if (last !== undefined) return last
  }
  return undefined
}

/** Longer lists are sorted faster by what the language has, which takes memory for each. */
const shortList = 32

/** Hot: a start sorts the endpoints of each route of the cluster. */
function sorted(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (endpoints.length > shortList) return endpoints.toSorted(byAddressAndPort)
  const list = endpoints.slice()
  for (let index = 1; index < list.length; index++) {
    const endpoint = list[index] as Endpoint
    let place = index
    for (; place > 0; place--) {
      const other = list[place - 1] as Endpoint
      if (byAddressAndPort(other, endpoint) <= 0) break
      list[place] = other
    }
    list[place] = endpoint
  }
  return list
}

export function byAddressAndPort(a: Endpoint, b: Endpoint): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}
