import type { IpFamily } from '@portolan/core'
import { SlotAllocator, type SlotRange } from './slot-allocator.ts'

/** What the kernel knows a route by. */
export interface RouteNumbers extends SlotRange {
  readonly service: number
}

/** How many numbers there are: elements of the maps. */
export interface NumberSpace {
  readonly services: number
  readonly slots: number
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
  #nextService = first

  constructor(space: NumberSpace) {
    this.#space = space
    this.#slots = new SlotAllocator(0, space.slots)
  }

  /**
   * Takes over what the kernel holds instead of what was known of a family.
   *
   * @param others what it holds of the other family, for as long as that wasn't adopted itself
   */
  adopt(family: IpFamily, adopted: ReadonlyMap<string, RouteNumbers>, others: Iterable<RouteNumbers>): void {
    this.#byRoute.set(family, new Map(adopted))
    const known = this.#byRoute.get(family === 'IPv4' ? 'IPv6' : 'IPv4')?.values()
    const used = [...adopted.values(), ...(known ?? others)]
    this.#slots = new SlotAllocator(0, this.#space.slots, used)
    const services = new Set(used.map(({ service }) => service))
    this.#nextService = lastOf(services) + 1
    this.#freeServices = []
    for (let service = first; service < this.#nextService; service++) {
      if (!services.has(service)) this.#freeServices.push(service)
    }
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
