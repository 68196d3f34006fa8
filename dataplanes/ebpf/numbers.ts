import { SlotAllocator, type SlotRange } from './slot-allocator.ts'

/** What the kernel knows a route by. */
export interface RouteNumbers extends SlotRange {
  readonly service: number
}

/** Bounds of one family's part of the maps: the families are applied apart and share no number. */
export interface NumberSpace {
  readonly services: { readonly start: number; readonly end: number }
  readonly slots: { readonly start: number; readonly end: number }
}

/** The numbers of one family's routes: settled by applied programs, or adopted from what the kernel held. */
export class Numbers {
  readonly slots: SlotAllocator
  readonly #space: NumberSpace
  readonly #byRoute: Map<string, RouteNumbers>
  readonly #freeServices: number[] = []
  #nextService: number

  constructor(space: NumberSpace, adopted: ReadonlyMap<string, RouteNumbers> = new Map()) {
    this.#space = space
    this.#byRoute = new Map(adopted)
    this.slots = new SlotAllocator(space.slots.start, space.slots.end, adopted.values())
    const used = new Set([...adopted.values()].map(({ service }) => service))
    this.#nextService = Math.max(space.services.start, ...lastOf(used))
    for (let service = space.services.start; service < this.#nextService; service++) {
      if (!used.has(service)) this.#freeServices.push(service)
    }
  }

  get(route: string): RouteNumbers | undefined {
    return this.#byRoute.get(route)
  }

  set(route: string, numbers: RouteNumbers): void {
    this.#byRoute.set(route, numbers)
  }

  /** A number for a new service; `undefined`: the map is full. */
  takeService(): number | undefined {
    const free = this.#freeServices.pop()
    if (free !== undefined) return free
    return this.#nextService < this.#space.services.end ? this.#nextService++ : undefined
  }

  giveService(service: number): void {
    this.#freeServices.push(service)
  }

  forget(route: string, now: number): void {
    const numbers = this.#byRoute.get(route)
    if (numbers === undefined) return
    this.#byRoute.delete(route)
    this.giveService(numbers.service)
    this.slots.give(numbers, now)
  }
}

/** One past the largest, if there is any. */
function lastOf(used: ReadonlySet<number>): number[] {
  let last = -1
  for (const service of used) last = Math.max(last, service)
  return last < 0 ? [] : [last + 1]
}
