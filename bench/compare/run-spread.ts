import type { MetricName } from '../metrics.ts'
import type { Result } from '../results.ts'
import { twoSidedProbability, twoSidedQuantile } from './student-t.ts'

/** Runs that each side needs: two say next to nothing of how much one run differs from the next. */
export const minRuns = 3

/**
 * How far B is from A. Most metrics are compared by their ratio, so on a logarithmic scale; one that is or may be 0
 * (packets lost) by the difference.
 */
export interface Estimate {
  readonly scale: 'ratio' | 'difference'
  /** The typical run of each: geometric mean of the runs' medians, the plain mean where the scale is `difference`. */
  readonly a: number
  readonly b: number
  /** B less A on that scale. */
  readonly distance: number
  /** How sure that is; absent where a side has fewer than `minRuns` runs. */
  readonly spread?: Spread
}

export interface Spread {
  /** Of the distance: 0 where every run gave the same. */
  readonly standardError: number
  readonly degreesOfFreedom: number
  /** The probability of such a distance, or a larger one, between two benchmarks of the same thing. */
  readonly probability: number
}

/** Metrics that lie around 0, so that a ratio says nothing about them. */
const aroundZero: ReadonlySet<MetricName> = new Set(['lagGrowth', 'rssGrowth', 'connectionsLost'])

/** Below this a standard error is the rounding of runs that are all the same. */
const rounding = 1e-12

/** Welch's test: the two may have different spreads and numbers of runs. */
export function estimateChange({ metric, runs: runsA }: Result, { runs: runsB }: Result): Estimate {
  const positive = [...runsA, ...runsB].every((value) => value > 0)
  const scale = positive && !aroundZero.has(metric) ? 'ratio' : 'difference'
  const a = summarize(scale === 'ratio' ? runsA.map(Math.log) : runsA)
  const b = summarize(scale === 'ratio' ? runsB.map(Math.log) : runsB)
  const distance = b.mean - a.mean
  const compared = {
    scale,
    a: scale === 'ratio' ? Math.exp(a.mean) : a.mean,
    b: scale === 'ratio' ? Math.exp(b.mean) : b.mean,
    distance,
  } as const
  if (Math.min(runsA.length, runsB.length) < minRuns) return compared
  const variance = a.ofMean + b.ofMean
  const freedom = a.ofMean ** 2 / (runsA.length - 1) + b.ofMean ** 2 / (runsB.length - 1)
  const degreesOfFreedom = freedom > 0 ? variance ** 2 / freedom : Number.POSITIVE_INFINITY
  const standardError = Math.sqrt(variance)
  // Runs that all gave the very same are certain, as operations counted are.
  const certain = Math.abs(distance) > rounding * Math.max(1, Math.abs(a.mean)) ? 0 : 1
  const probability =
    standardError > rounding ? twoSidedProbability(distance / standardError, degreesOfFreedom) : certain
  return { ...compared, spread: { standardError, degreesOfFreedom, probability } }
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Of the ratio, or of the difference: where the true one lies, but for this probability. */
export function intervalOf({ scale, distance }: Estimate, spread: Spread, alpha: number): Interval {
  const { standardError, degreesOfFreedom } = spread
  const reach = standardError > rounding ? standardError * twoSidedQuantile(alpha, degreesOfFreedom) : 0
  const ends = { low: distance - reach, high: distance + reach }
  return scale === 'ratio' ? { low: Math.exp(ends.low), high: Math.exp(ends.high) } : ends
}

interface Summary {
  readonly mean: number
  /** The variance of that mean; of one value it can't be known. */
  readonly ofMean: number
}

function summarize(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, ofMean: squares / (values.length - 1) / values.length }
}
