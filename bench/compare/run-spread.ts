import type { MetricName, Result, Unit } from '../results.ts'
import { twoSidedProbability, twoSidedQuantile } from './student-t.ts'

/**
 * How far B is from A, and how sure that is. Most metrics are compared by their ratio, so on a logarithmic scale; one
 * that is or may be 0 (packets lost) by the difference.
 */
export interface Estimate {
  readonly scale: 'ratio' | 'difference'
  /** The typical run of each: geometric mean of the runs' medians, the plain mean where the scale is `difference`. */
  readonly a: number
  readonly b: number
  /** B less A on that scale, with its standard error: 0 and 0 where every run gave the same. */
  readonly distance: number
  readonly standardError: number
  readonly degreesOfFreedom: number
  /** The probability of such a distance, or a larger one, between two benchmarks of the same thing. */
  readonly probability: number
  /** One of them was run only once, so how much its runs differ is assumed. */
  readonly assumed: boolean
}

/**
 * By how much one run's median differs from the next where there was only one run: relative standard deviation. Times
 * on a machine shared with others vary so; memory less, and what is counted hardly. Some metrics have a noise of their own.
 */
export const assumedNoise: Readonly<Record<Unit, number>> = {
  ms: 0.15,
  us: 0.15,
  'per second': 0.05,
  'bytes per second': 0.15,
  bytes: 0.05,
  count: 0.01,
}

/** Metrics that vary more than others of their unit. */
const noisier: Partial<Record<MetricName, number>> = {
  // Of the whole machine.
  kernelMemory: 0.15,
  // As many as there was time for.
  connectionsTried: 0.5,
  // Whose of the two a moment was is told by samples, and a scenario of a few milliseconds has few.
  cpuUser: 0.5,
  cpuSystem: 0.5,
  childCpu: 0.5,
  // Changes wait for each other.
  lag: 0.4,
}

/** Where changes come faster than they are applied, the machine's speed decides how many of them are in one apply. */
const coalescing = /churn|replay/
const coalesced: ReadonlySet<MetricName> = new Set(['operations', 'bytesToKernel'])
const coalescedNoise = 0.4

function noiseOf({ metric, scenario, unit }: Result): number {
  if (coalesced.has(metric) && coalescing.test(scenario)) return coalescedNoise
  return noisier[metric] ?? assumedNoise[unit]
}

/** Metrics that lie around 0, so that a ratio says nothing about them. */
const aroundZero: ReadonlySet<MetricName> = new Set(['lagGrowth', 'rssGrowth', 'connectionsLost'])

/** Welch's test: the two may have different spreads and numbers of runs. */
export function estimateChange(resultA: Result, resultB: Result): Estimate {
  const { metric } = resultA
  const noise = noiseOf(resultA)
  const positive = [...resultA.runs, ...resultB.runs].every((value) => value > 0)
  const scale = positive && !aroundZero.has(metric) ? 'ratio' : 'difference'
  const [a, b] = [resultA, resultB].map(({ runs }) =>
    summarize(scale === 'ratio' ? runs.map(Math.log) : runs, (mean) => {
      if (scale === 'ratio') return noise ** 2
      // A count of rare events varies by about its square root.
      return metric === 'connectionsLost' ? Math.max(1, mean) : (noise * mean) ** 2
    }),
  ) as [Summary, Summary]
  const distance = b.mean - a.mean
  const variance = a.ofMean + b.ofMean
  const freedom = a.ofMean ** 2 / a.degreesOfFreedom + b.ofMean ** 2 / b.degreesOfFreedom
  const degreesOfFreedom = freedom > 0 ? variance ** 2 / freedom : Number.POSITIVE_INFINITY
  const standardError = Math.sqrt(variance)
  // Runs that all gave the very same are certain, as operations counted are.
  const certain = Math.abs(distance) > 1e-12 * Math.max(1, Math.abs(a.mean)) ? 0 : 1
  return {
    scale,
    a: scale === 'ratio' ? Math.exp(a.mean) : a.mean,
    b: scale === 'ratio' ? Math.exp(b.mean) : b.mean,
    distance,
    standardError,
    degreesOfFreedom,
    probability:
      standardError > 1e-12 ? twoSidedProbability(distance / standardError, degreesOfFreedom) : certain,
    assumed: a.assumed || b.assumed,
  }
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Of the ratio, or of the difference: where the true one lies, but for this probability. */
export function intervalOf(estimate: Estimate, alpha: number): Interval {
  const { scale, distance, standardError, degreesOfFreedom } = estimate
  const reach = standardError > 1e-12 ? standardError * twoSidedQuantile(alpha, degreesOfFreedom) : 0
  const ends = { low: distance - reach, high: distance + reach }
  return scale === 'ratio' ? { low: Math.exp(ends.low), high: Math.exp(ends.high) } : ends
}

interface Summary {
  readonly mean: number
  /** The variance of that mean. */
  readonly ofMean: number
  readonly degreesOfFreedom: number
  readonly assumed: boolean
}

function summarize(values: readonly number[], assumedVariance: (mean: number) => number): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) {
    return { mean, ofMean: assumedVariance(mean), degreesOfFreedom: Number.POSITIVE_INFINITY, assumed: true }
  }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const degreesOfFreedom = values.length - 1
  return { mean, ofMean: squares / degreesOfFreedom / values.length, degreesOfFreedom, assumed: false }
}
