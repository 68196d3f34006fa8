import { type Endpoint, endpointKey, type RouteKey } from '@portolan/core'
import { firstAffinityRoute, lastAffinityRoute } from './numbers.ts'

/** The numbers of one route with session affinity: its own, and one for each of its endpoints. */
export interface RouteNumbers {
  readonly route: number
  /** By endpoint key. An endpoint keeps its number for as long as it is in the route; 1 to 65,535. */
  readonly endpoints: ReadonlyMap<string, number>
  /** Where the search for the next free number starts, so that a number rests before it is given again. */
  readonly next: number
}

/** What an applied program changes in the numbers: `undefined` gives a route's number back. */
export type NumbersChange = Map<RouteKey, RouteNumbers | undefined>

/**
 * Who has which number in the kernel now. Clients' choices live in the kernel under these numbers, so they change only
 * with a program that was applied: compiling proposes ({@link AffinityNumbers.propose}), applying commits.
 */
export class AffinityNumbers {
  readonly #routes = new Map<RouteKey, RouteNumbers>()
  readonly #taken = new Set<number>()
  #next = firstAffinityRoute

  get(route: RouteKey): RouteNumbers | undefined {
    return this.#routes.get(route)
  }

  /**
   * Numbers for these endpoints of a route, keeping those that it has. `undefined`: every route number is taken.
   * @param change the same program's proposals so far
   */
  propose(route: RouteKey, endpoints: Iterable<Endpoint>, change: NumbersChange): RouteNumbers | undefined {
    const held = change.get(route) ?? this.#routes.get(route)
    const number = held?.route ?? this.#freeRoute(change)
    if (number === undefined) return undefined
    const numbers = withEndpoints(
      { route: number, endpoints: held?.endpoints ?? new Map(), next: held?.next ?? 1 },
      endpoints,
    )
    change.set(route, numbers)
    return numbers
  }

  commit(change: NumbersChange): void {
    for (const [route, numbers] of change) {
      const held = this.#routes.get(route)
      if (held !== undefined) this.#taken.delete(held.route)
      if (numbers === undefined) {
        this.#routes.delete(route)
      } else {
        this.#routes.set(route, numbers)
        this.#taken.add(numbers.route)
        this.#next = numbers.route + 1
      }
    }
  }

  #freeRoute(change: NumbersChange): number | undefined {
    const proposed = new Set([...change.values()].map((numbers) => numbers?.route))
    const span = lastAffinityRoute - firstAffinityRoute + 1
    for (let step = 0; step < span; step++) {
      const number = firstAffinityRoute + ((this.#next - firstAffinityRoute + step) % span)
      if (!this.#taken.has(number) && !proposed.has(number)) return number
    }
    return undefined
  }
}

/** The numbers with exactly these endpoints: leavers lose theirs, newcomers get the next free ones. */
function withEndpoints(held: RouteNumbers, endpoints: Iterable<Endpoint>): RouteNumbers {
  const kept = new Map<string, number>()
  const newcomers: string[] = []
  for (const endpoint of endpoints) {
    const key = endpointKey(endpoint)
    const number = held.endpoints.get(key)
    if (number !== undefined) kept.set(key, number)
    else newcomers.push(key)
  }
  const taken = new Set(kept.values())
  let next = held.next
  for (const key of newcomers) {
    while (next > 0xffff || taken.has(next)) next = next > 0xffff ? 1 : next + 1
    taken.add(next)
    kept.set(key, next++)
  }
  return { route: held.route, endpoints: kept, next }
}
