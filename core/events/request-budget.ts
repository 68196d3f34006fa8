/** So many requests at once, and then one in each `everyMs`. Milliseconds throughout. */
export class RequestBudget {
  readonly #burst: number
  readonly #everyMs: number
  #left: number
  #at = 0

  constructor(options: { readonly burst: number; readonly everyMs: number }) {
    this.#burst = options.burst
    this.#everyMs = options.everyMs
    this.#left = options.burst
  }

  /** Time until the next one may be made. */
  wait(now: number): number {
    this.#refill(now)
    return this.#left >= 1 ? 0 : (1 - this.#left) * this.#everyMs
  }

  spend(now: number): void {
    this.#refill(now)
    this.#left -= 1
  }

  #refill(now: number): void {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) / this.#everyMs)
    this.#at = now
  }
}
