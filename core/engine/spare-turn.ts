import type { Timing } from './timing.ts'

/** What is due while something else is done waits so long, in milliseconds. */
const putOff = 20

/**
 * How often a turn is put off until it comes before the next apply: a table that always changes must keep none away.
 */
const maxPutOffs = 50

export interface SpareTurnOptions {
  readonly timing: Timing
  /** Whether the dataplane has time for it now. */
  readonly isFree: () => boolean
  readonly take: () => void
}

/** A turn with the dataplane that can wait, as an audit: taken when nothing else is due, but not put off for ever. */
export class SpareTurn {
  readonly #options: SpareTurnOptions
  #cancel: (() => void) | undefined
  #putOffs = 0
  #overdue = false

  constructor(options: SpareTurnOptions) {
    this.#options = options
  }

  /** Whether its time is yet to come. */
  get isAwaited(): boolean {
    return this.#cancel !== undefined
  }

  /** It has been put off for long, or asked for: it comes before the next apply. */
  get isOverdue(): boolean {
    return this.#overdue
  }

  /** Is due in so many milliseconds, in place of what was awaited. What was put off stays put off so often. */
  await(period: number): void {
    this.cancel()
    this.#cancel = this.#options.timing.after(period, () => {
      this.#cancel = undefined
      if (this.#options.isFree()) this.take()
      else if (this.#putOffs++ < maxPutOffs) this.await(putOff)
      else this.#overdue = true
    })
  }

  /** Is due at once. */
  ask(): void {
    if (this.#options.isFree()) this.take()
    else this.#overdue = true
  }

  take(): void {
    this.cancel()
    this.#overdue = false
    this.#putOffs = 0
    this.#options.take()
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
