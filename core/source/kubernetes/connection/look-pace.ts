import { backoff } from '../../../time/backoff.ts'
import type { Timings } from '../timings.ts'
import type { ApiError } from './api-error.ts'

/**
 * How long to wait before the next attempt to connect. A server that isn't there is looked for at a constant pace,
 * because a look costs it nothing. One that is there, but whose connections don't last or don't even come about for
 * another reason, is left alone for longer each time.
 */
export class LookPace {
  readonly #timings: Timings
  readonly #random: () => number
  /** Connections in a row that came to nothing. */
  #fruitless = 0

  constructor(timings: Timings, random: () => number) {
    this.#timings = timings
    this.#random = random
  }

  /** After the loss of a connection. All nodes have lost theirs at this moment, so they come back at random ones. */
  afterLoss(lastedMs: number): number {
    const { lookMs, stableAfterMs } = this.#timings
    const spreadMs = this.#random() * lookMs
    if (lastedMs >= stableAfterMs) {
      this.#fruitless = 0
      return spreadMs
    }
    return Math.max(spreadMs, this.#backOff())
  }

  /** After an attempt that failed. @param tookMs since that attempt began */
  afterFailure(error: ApiError, tookMs: number): number {
    if (error.code !== 'API_UNREACHABLE' && error.code !== 'API_SILENT') return this.#backOff()
    // The pace is nearly constant, so that nodes stay as evenly spread as they were after the loss.
    return Math.max(0, this.#timings.lookMs * (0.9 + this.#random() / 5) - tookMs)
  }

  #backOff(): number {
    this.#fruitless += 1
    return backoff(this.#fruitless, this.#timings, this.#random)
  }
}
