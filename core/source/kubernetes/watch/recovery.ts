import type { Clock } from '../../../time/clock.ts'

/**
 * The pauses of all resources that are waiting to ask again. As soon as there is a new connection, or one of them gets
 * through, the server is likely to work again, and the others needn't wait for the rest of their back-off.
 */
export class Recovery {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ends all pauses whose `minMs` have passed, and the others then. */
  gotThrough(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /**
   * Resolves after `delayMs`, or earlier when another resource gets through or the signal aborts, but not before
   * `minMs`, which is what the server asked for. Never rejects.
   */
  pause(delayMs: number, signal: AbortSignal, minMs = 0): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const clock = this.#clock
    const earliest = clock.now() + minMs
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const wake = () => {
        cancel()
        cancel = clock.after(Math.max(0, earliest - clock.now()), done)
      }
      let cancel = clock.after(Math.max(delayMs, minMs), done)
      this.#waiting.add(wake)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
