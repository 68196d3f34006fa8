/** The shortest and the longest whole delay, in milliseconds. */
export interface BackoffLimits {
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

/**
 * How long to wait after the `failures`th failure in a row (from 1), in milliseconds: doubling from `retryMinMs` to
 * `retryMaxMs`, and then for ever that. Drawn between half and all of it, so that nodes that failed together don't
 * retry together; half, because a delay of nearly zero would be no back-off. `random` gives numbers in [0, 1).
 */
export function backoff(failures: number, limits: BackoffLimits, random: () => number): number {
  // The exponent is bounded, so that years of failing don't overflow into Infinity * 0.
  const whole = Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** Math.min(failures - 1, 30))
  return whole * (0.5 + random() / 2)
}
