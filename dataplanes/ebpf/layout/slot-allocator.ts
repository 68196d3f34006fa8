/** A run of slots in the endpoints map. */
export interface SlotRange {
  readonly base: number
  /** Slots in use; the run may be longer. */
  readonly count: number
}

/** Given back at a time, and not free yet. */
export interface RestingRange extends SlotRange {
  readonly at: number
}

interface Freed {
  readonly base: number
  readonly order: number
  readonly at: number
}

/** A program may have read where a service's endpoints are just before that changed: microseconds, made safe. */
const restMilliseconds = 1000

/**
 * Gives out runs of slots, each of a power of two, and takes them back. A run that was freed rests before it is used
 * again. Time comes as a parameter (milliseconds of any clock that doesn't jump).
 */
export class SlotAllocator {
  readonly #end: number
  #next: number
  /** Runs free for use, by order (the power of two of their length). */
  readonly #free: number[][] = []
  #resting: Freed[] = []
  /** How many of the resting ones, from the first, are awake already. */
  #awake = 0

  /**
   * Slots from `start` up to but not including `end`, of which `used` are taken. Where those overlap, as damaged maps may
   * have them, the slots are taken all the same.
   */
  constructor(start: number, end: number, used: Iterable<SlotRange> = []) {
    this.#end = end
    this.#next = start
    for (const { base, count } of [...used].sort((a, b) => a.base - b.base)) {
      if (count === 0 || base < start || base + count > end) continue
      this.#fill(this.#next, base)
      this.#next = Math.max(this.#next, base + (1 << orderOf(count)))
    }
    this.#next = Math.min(this.#next, end)
  }

  /** The first slot of a run of `count`; `undefined`: there is none left. */
  take(count: number, now: number): number | undefined {
    if (count === 0) return 0
    this.#wake(now)
    const order = orderOf(count)
    const reused = this.#free[order]?.pop()
    if (reused !== undefined) return reused
    if (this.#next + (1 << order) <= this.#end) {
      const base = this.#next
      this.#next += 1 << order
      return base
    }
    for (let larger = order + 1; larger < this.#free.length; larger++) {
      const base = this.#free[larger]?.pop()
      if (base === undefined) continue
      this.#fill(base + (1 << order), base + (1 << larger))
      return base
    }
    return undefined
  }

  give({ base, count }: SlotRange, now: number): void {
    if (count > 0) this.#resting.push({ base, order: orderOf(count), at: now })
  }

  /** What was given back and still rests, the first first. */
  resting(now: number): RestingRange[] {
    this.#wake(now)
    return this.#resting.slice(this.#awake).map(({ base, order, at }) => ({ base, count: 1 << order, at }))
  }

  #wake(now: number): void {
    for (;;) {
      const first = this.#resting[this.#awake]
      if (first === undefined || now - first.at < restMilliseconds) break
      this.#awake++
      this.#put(first.base, first.order)
    }
    // Taking each from the front would move all behind it.
    if (this.#awake > 1024 && this.#awake * 2 > this.#resting.length) {
      this.#resting = this.#resting.slice(this.#awake)
      this.#awake = 0
    }
  }

  /** Makes the slots between free, as runs as long as fit. */
  #fill(from: number, to: number): void {
    for (let base = from; base < to; ) {
      const order = 31 - Math.clz32(to - base)
      this.#put(base, order)
      base += 1 << order
    }
  }

  #put(base: number, order: number): void {
    while (this.#free.length <= order) this.#free.push([])
    this.#free[order]?.push(base)
  }
}

/** Those of the ranges whose runs overlap none of `used` nor each other: each can be given back by itself. */
export function apart<Range extends SlotRange>(
  ranges: readonly Range[],
  used: readonly SlotRange[],
): Set<Range> {
  const found = new Set(ranges.filter(({ count }) => count > 0))
  if (found.size === 0) return found
  const all = [...used.filter(({ count }) => count > 0), ...found].sort((a, b) => a.base - b.base)
  let before: SlotRange | undefined
  for (const one of all) {
    if (before !== undefined && one.base < endOf(before)) {
      found.delete(one as Range)
      found.delete(before as Range)
      if (endOf(one) < endOf(before)) continue
    }
    before = one
  }
  return found
}

function endOf({ base, count }: SlotRange): number {
  return base + (1 << orderOf(count))
}

/** The power of two of the shortest run that holds so many. */
function orderOf(count: number): number {
  return 32 - Math.clz32(count - 1)
}
