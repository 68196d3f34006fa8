import type { Timing } from './timing.ts'

const first = 100
const longest = 30_000

/**
 * How long to wait after the `failures`th failure in a row (from 1), in milliseconds: doubling from 0.1 s to 30 s,
 * and then every 30 s for ever. Between half and all of that, so that nodes that failed together don't retry
 * together.
 */
export function backoff(failures: number, random: Timing['random']): number {
  const whole = Math.min(longest, first * 2 ** Math.min(failures - 1, 20))
  return whole * (0.5 + random() / 2)
}
