import type { Clock } from '../../clock.ts'

/** Calls `onSilence` once when `heard` has not been called for `limitMs`. */
export class SilenceWatch {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onSilence: () => void
  #heardAt: number
  #callOff: () => void

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onSilence = onSilence
    this.#heardAt = clock.now()
    this.#callOff = clock.after(limitMs, () => this.#check())
  }

  /** Cheap enough for every chunk: the timer is not touched. */
  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#callOff()
  }

  #check(): void {
    const left = this.#heardAt + this.#limitMs - this.#clock.now()
    if (left <= 0) this.#onSilence()
    else this.#callOff = this.#clock.after(left, () => this.#check())
  }
}
