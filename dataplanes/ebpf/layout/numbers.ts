import type { IpFamily } from '@portolan/core'
import { apart, SlotAllocator, type SlotRange } from './slot-allocator.ts'

/** What the kernel knows a route by. */
export interface RouteNumbers extends SlotRange {
  readonly service: number
}

/** How many numbers there are: elements of the maps. */
export interface NumberSpace {
  readonly services: number
  readonly slots: number
}

/** What the kernel was found to hold of a family. */
export interface ObservedNumbers {
  readonly adopted: ReadonlyMap<string, RouteNumbers>
  /** Of the other family, for as long as that wasn't adopted itself. */
  readonly others: readonly RouteNumbers[]
  /** Of services that no route has: their frontends lead there until the program that adopts has deleted them. */
  readonly leaving: readonly RouteNumbers[]
}

/** The first number: 0 is no service. */
const first = 1

/**
 * The numbers of all routes: settled by applied programs, or adopted from what the kernel held. Both families take
 * theirs from one space, so that a cluster with one of them has all of it.
 */
export class Numbers {
  readonly #space: NumberSpace
  readonly #byRoute = new Map<IpFamily, Map<string, RouteNumbers>>()
  #slots: SlotAllocator
  #freeServices: number[] = []
  #leaving: readonly RouteNumbers[] = []
  #nextService = first

  constructor(space: NumberSpace) {
    this.#space = space
    this.#slots = new SlotAllocator(0, space.slots)
  }

  /** Takes over what the kernel holds instead of what was known of a family. What rests goes on resting. */
  adopt(family: IpFamily, { adopted, others, leaving }: ObservedNumbers, now: number): void {
    this.#byRoute.set(family, new Map(adopted))
    const known = this.#byRoute.get(family === 'IPv4' ? 'IPv6' : 'IPv4')?.values()
    const used: RouteNumbers[] = [...adopted.values(), ...(known ?? others)]
    const resting = this.#slots.resting(now)
    const free = apart<SlotRange>([...leaving, ...resting], used)
    const taken = new Set(used.map(({ service }) => service))
    this.#leaving = leaving
      .filter(({ service }) => !taken.has(service))
      .map((one) => (free.has(one) ? one : { ...one, count: 0 }))
    const stillResting = resting.filter((one) => free.has(one))
    this.#slots = new SlotAllocator(0, this.#space.slots, [...used, ...leaving, ...stillResting])
    for (const one of stillResting) this.#slots.give(one, one.at)
    const services = new Set([...taken, ...leaving.map(({ service }) => service)])
    this.#nextService = lastOf(services) + 1
    this.#freeServices = []
    for (let service = first; service < this.#nextService; service++) {
      if (!services.has(service)) this.#freeServices.push(service)
    }
  }

  /** Nothing in the kernel leads any longer to what was leaving when it was adopted. */
  left(now: number): void {
    for (const one of this.#leaving) {
      this.#freeServices.push(one.service)
      this.#slots.give(one, now)
    }
    this.#leaving = []
  }

  /** A program of the family has failed, so that what the kernel holds of it is unknown until it is read back. */
  doubt(family: IpFamily): void {
    this.#byRoute.delete(family)
    this.#leaving = []
  }

  get(family: IpFamily, route: string): RouteNumbers | undefined {
    return this.#byRoute.get(family)?.get(route)
  }

  /** The slots that it had before by other numbers rest, and are free again. */
  set(family: IpFamily, route: string, numbers: RouteNumbers, now: number): void {
    const ofFamily = this.#byRoute.get(family)
    const old = ofFamily?.get(route)
    if (old !== undefined && old !== numbers) this.#slots.give(old, now)
    if (ofFamily === undefined) this.#byRoute.set(family, new Map([[route, numbers]]))
    else ofFamily.set(route, numbers)
  }

  forget(family: IpFamily, route: string, now: number): void {
    const numbers = this.get(family, route)
    if (numbers === undefined) return
    this.#byRoute.get(family)?.delete(route)
    this.#freeServices.push(numbers.service)
    this.#slots.give(numbers, now)
  }

  /** Numbers for a route of so many endpoints, which keeps its service; or the map that has none left. */
  take(old: RouteNumbers | undefined, count: number, now: number): RouteNumbers | 'services' | 'endpoints' {
    const service = old?.service ?? this.#takeService()
    if (service === undefined) return 'services'
    const base = this.#slots.take(count, now)
    if (base !== undefined) return { service, base, count }
    if (old === undefined) this.#freeServices.push(service)
    return 'endpoints'
  }

  #takeService(): number | undefined {
    const free = this.#freeServices.pop()
    if (free !== undefined) return free
    return this.#nextService < this.#space.services ? this.#nextService++ : undefined
  }
}

function lastOf(used: ReadonlySet<number>): number {
  let last = first - 1
  for (const service of used) last = Math.max(last, service)
  return last
}
