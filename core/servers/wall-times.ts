import type { Clock } from '../time/clock.ts'
import { goTime } from './go-time.ts'

/** Moments that are remembered; more than are ever shown beside one another. */
const remembered = 32

/**
 * Moments of a clock as times of the wall's. One moment is the same time whenever it is asked for: what is worked out anew
 * differs by a millisecond now and then, and by more once the wall's clock is set, and whoever compares two answers would
 * take it for something new.
 */
export class WallTimes {
  readonly #clock: Clock
  readonly #wallClock: () => number
  /** What was asked for last at the end. */
  readonly #times = new Map<number, string>()

  /** @param wallClock milliseconds since the epoch */
  constructor(clock: Clock, wallClock: () => number) {
    this.#clock = clock
    this.#wallClock = wallClock
  }

  /** As Go writes times. Absent: Go's zero time. */
  textOf(at: number | undefined): string {
    if (at === undefined) return goTime(undefined)
    const text = this.#times.get(at) ?? goTime(this.#wallClock() - (this.#clock.now() - at))
    this.#times.delete(at)
    this.#times.set(at, text)
    if (this.#times.size > remembered) {
      const [oldest] = this.#times.keys()
      if (oldest !== undefined) this.#times.delete(oldest)
    }
    return text
  }
}
