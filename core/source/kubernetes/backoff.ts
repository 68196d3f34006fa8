export interface BackoffLimits {
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

/**
 * Exponential back-off with jitter that never gives up. The n-th delay is drawn from the upper half of
 * `min * 2^n`, bounded by `max`: half, because a delay of nearly zero would be no back-off.
 */
export class Backoff {
  readonly #limits: BackoffLimits
  readonly #random: () => number
  #failures = 0

  /** `random` gives numbers in [0, 1), like `Math.random`. */
  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits
    this.#random = random
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { retryMinMs, retryMaxMs } = this.#limits
    // The exponent is bounded so that years of failing don't overflow into Infinity * 0.
    const ceiling = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    return (ceiling * (1 + this.#random())) / 2
  }

  reset(): void {
    this.#failures = 0
  }
}
