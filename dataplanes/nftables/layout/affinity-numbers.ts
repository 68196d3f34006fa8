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

/** What an applied program changes in the numbers. */
export class NumbersChange {
  /** What routes get; `undefined`: a route gives its number back. */
  readonly byRoute = new Map<RouteKey, RouteNumbers | undefined>()
  /** These are made when they are needed, which most changes don't. */
  #refused: Set<RouteKey> | undefined
  #given: Set<number> | undefined
  #released: Set<number> | undefined
  /** Where the search for the next free number goes on; `undefined`: where that of the change before ended. */
  next: number | undefined

  /** Routes that ask for a number and get none. */
  get refused(): ReadonlySet<RouteKey> {
    return this.#refused ?? none
  }

  get given(): ReadonlySet<number> {
    return this.#given ?? none
  }

  get released(): ReadonlySet<number> {
    return this.#released ?? none
  }

  give(route: RouteKey, numbers: RouteNumbers): void {
    this.byRoute.set(route, numbers)
    this.#given ??= new Set()
    this.#given.add(numbers.route)
  }

  refuse(route: RouteKey): void {
    this.#refused ??= new Set()
    this.#refused.add(route)
  }

  /** The route is gone, or doesn't ask any more. */
  release(route: RouteKey, number: number | undefined): void {
    this.byRoute.set(route, undefined)
    if (number === undefined) return
    this.#released ??= new Set()
    this.#released.add(number)
  }
}

const none: ReadonlySet<never> = new Set<never>()

/**
 * Who has which number in the kernel now. Clients' choices live in the kernel under these numbers, so they change only
 * with a program that was applied: compiling proposes ({@link AffinityNumbers.propose}), applying commits.
 */
export class AffinityNumbers {
  readonly #routes = new Map<RouteKey, RouteNumbers>()
  readonly #taken = new Set<number>()
  readonly #waiting = new Set<RouteKey>()
  #next = firstAffinityRoute

  get(route: RouteKey): RouteNumbers | undefined {
    return this.#routes.get(route)
  }

  /** Routes that asked for a number when every one was taken. */
  get waiting(): ReadonlySet<RouteKey> {
    return this.#waiting
  }

  /**
   * Numbers for these endpoints of a route, keeping those that it has. `undefined`: every route number is taken.
   * @param change the same program's proposals so far
   */
  propose(route: RouteKey, endpoints: Iterable<Endpoint>, change: NumbersChange): RouteNumbers | undefined {
    const known = change.byRoute.get(route) ?? this.#routes.get(route)
    const number = known?.route ?? this.#freeRoute(change)
    if (number === undefined) {
      change.refuse(route)
      return undefined
    }
    const numbers = withEndpoints(
      { route: number, endpoints: known?.endpoints ?? new Map(), next: known?.next ?? 1 },
      endpoints,
    )
    change.give(route, numbers)
    return numbers
  }

  commit(change: NumbersChange): void {
    // What one route gives back another one may have got.
    for (const number of change.released) this.#taken.delete(number)
    for (const [route, numbers] of change.byRoute) {
      this.#waiting.delete(route)
      if (numbers === undefined) {
        this.#routes.delete(route)
      } else {
        this.#routes.set(route, numbers)
        this.#taken.add(numbers.route)
      }
    }
    for (const route of change.refused) this.#waiting.add(route)
    this.#next = change.next ?? this.#next
  }

  #freeRoute(change: NumbersChange): number | undefined {
    const span = lastAffinityRoute - firstAffinityRoute + 1
    const first = change.next ?? this.#next
    for (let step = 0; step < span; step++) {
      const number = firstAffinityRoute + ((first - firstAffinityRoute + step) % span)
      const isTaken = this.#taken.has(number) && !change.released.has(number)
      if (isTaken || change.given.has(number)) continue
      change.next = number + 1
      return number
    }
    return undefined
  }
}

/** The numbers with exactly these endpoints: leavers lose theirs, newcomers get the next free ones. */
function withEndpoints(known: RouteNumbers, endpoints: Iterable<Endpoint>): RouteNumbers {
  const kept = new Map<string, number>()
  const newcomers: string[] = []
  for (const endpoint of endpoints) {
    const key = endpointKey(endpoint)
    const number = known.endpoints.get(key)
    if (number !== undefined) kept.set(key, number)
    else newcomers.push(key)
  }
  const taken = new Set(kept.values())
  let next = known.next
  for (const key of newcomers) {
    while (next > 0xffff || taken.has(next)) next = next > 0xffff ? 1 : next + 1
    taken.add(next)
    kept.set(key, next++)
  }
  return { route: known.route, endpoints: kept, next }
}
