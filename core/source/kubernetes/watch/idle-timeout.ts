import type { Clock } from '../../../time/clock.ts'

/** Calls `onIdle` once when `heard` has not been called for `limitMs`. */
export class IdleTimeout {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onIdle: () => void
  #heardAt: number
  #stopped = false
  #cancel: () => void

  constructor(clock: Clock, limitMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onIdle = onIdle
    this.#heardAt = clock.now()
    this.#cancel = clock.after(limitMs, () => this.#check())
  }

  /** Cheap enough for every chunk: the timer is not touched. */
  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #check(): void {
    if (this.#waitOn()) return
    // A process that was busy or stopped sees this timer before it reads what has long been in the socket: one turn of
    // the event loop lets the socket speak first.
    setImmediate(() => {
      if (!this.#stopped && !this.#waitOn()) this.#onIdle()
    })
  }

  /** Whether there is time left; then the timer runs for that. */
  #waitOn(): boolean {
    const left = this.#heardAt + this.#limitMs - this.#clock.now()
    if (left <= 0) return false
    this.#cancel = this.#clock.after(left, () => this.#check())
    return true
  }
}
