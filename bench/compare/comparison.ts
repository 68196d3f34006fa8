import { metrics } from '../metrics.ts'
import type { BenchResults, Failure, Result } from '../results.ts'
import { markingLevel } from './false-discovery.ts'
import { machineDifferences } from './machine-differences.ts'
import { type Estimate, estimateChange, type Interval, intervalOf, minRuns } from './run-spread.ts'

/** Two benchmark runs side by side. */
export interface Comparison {
  /** What makes the two less comparable: another kernel, another CPU, lower bounds that moved. */
  readonly warnings: readonly string[]
  readonly rows: readonly ComparedResult[]
  /** Figures of A that B has not because it failed. */
  readonly lost: readonly ResultKey[]
  /** Without those. */
  readonly onlyInA: readonly ResultKey[]
  readonly onlyInB: readonly ResultKey[]
  /** What either run didn't measure to its end. */
  readonly failures: { readonly a: readonly Failure[]; readonly b: readonly Failure[] }
  /** Of the intervals: higher, the more figures are compared. */
  readonly confidence: number
  /** As given: 0.1 is 10 %. */
  readonly threshold: number
  /** Runs that each side of a figure needs for a verdict. */
  readonly minRuns: number
}

export type ResultKey = Pick<
  Result,
  'dataplane' | 'scenario' | 'services' | 'endpointsPerService' | 'metric' | 'unit'
>

export interface ComparedResult extends ResultKey {
  /** The typical run of each. */
  readonly a: number
  readonly b: number
  /** B/A; absent where either may be 0. */
  readonly ratio?: number
  /** Of the ratio; of B less A where there is none. Absent where the verdict is refused. */
  readonly interval?: Interval
  /** B/A of the p99s; it has no interval, and isn't judged. */
  readonly p99Ratio?: number
  readonly verdict: Verdict
  /** How often each side was run. */
  readonly runs: { readonly a: number; readonly b: number }
}

/**
 * `worse`, `better`: surely so, and by more than the threshold. `changed`: the same, of a metric that has no better
 * direction. `unsure`: by more than the threshold, but it may be noise. `same`: within it. `refused`: a side was run too
 * seldom to know how much its runs differ.
 */
export type Verdict = 'worse' | 'better' | 'changed' | 'unsure' | 'same' | 'refused'

export interface CompareOptions {
  /** A change up to this is none: 0.1 is 10 %. */
  readonly threshold: number
  /** The expected share of chance among what is marked. */
  readonly falseDiscoveryRate?: number
}

/** Changes below these are noise on any machine: in milliseconds, and in bytes. */
const minChange: Partial<Record<ResultKey['metric'], number>> = {
  lagGrowth: 10,
  // V8 gives pages back and takes them as it pleases.
  rssGrowth: 8 << 20,
  // /proc counts it in hundredths of a second.
  childCpu: 20,
  kernelMemory: 8 << 20,
}

export function compareResults(a: BenchResults, b: BenchResults, options: CompareOptions): Comparison {
  const { threshold, falseDiscoveryRate = 0.05 } = options
  const byKey = new Map(b.results.map((result) => [keyText(result), result]))
  const inA = new Set(a.results.map(keyText))
  const pairs = a.results.flatMap((resultA) => {
    const resultB = byKey.get(keyText(resultA))
    return resultB === undefined ? [] : [{ resultA, resultB, estimate: estimateChange(resultA, resultB) }]
  })
  const alpha = markingLevel(
    pairs.flatMap(({ estimate: { spread } }) => spread?.probability ?? []),
    falseDiscoveryRate,
  )
  const rows = pairs.map(({ resultA, resultB, estimate }): ComparedResult => {
    const judged = judge(resultA, estimate, { alpha, threshold })
    const p99Ratio = resultB.p99 / resultA.p99
    return {
      ...keyOf(resultA),
      a: estimate.a,
      b: estimate.b,
      ...(estimate.scale === 'ratio' ? { ratio: Math.exp(estimate.distance) } : {}),
      ...(estimate.spread === undefined ? {} : { interval: intervalOf(estimate, estimate.spread, alpha) }),
      ...(resultA.p99 > 0 && resultB.p99 > 0 ? { p99Ratio } : {}),
      verdict: judged,
      runs: { a: resultA.runs.length, b: resultB.runs.length },
    }
  })
  const failures = { a: a.failures ?? [], b: b.failures ?? [] }
  const missing = a.results.filter((result) => !byKey.has(keyText(result)))
  const [lost, onlyInA] = partition(missing, (result) =>
    failures.b.some((failure) => isAbout(failure, result)),
  )
  return {
    warnings: [...machineDifferences(a, b), ...movedLowerBounds(pairs, threshold)],
    rows,
    lost: lost.map(keyOf),
    onlyInA: onlyInA.map(keyOf),
    onlyInB: b.results.filter((result) => !inA.has(keyText(result))).map(keyOf),
    failures,
    confidence: 1 - alpha,
    threshold,
    minRuns,
  }
}

/** Whether not one figure could be judged, for want of runs. */
export function isRefused({ rows }: Comparison): boolean {
  return rows.length > 0 && rows.every(({ verdict }) => verdict === 'refused')
}

/** Also where B failed, and so has no figure to be worse. */
export function isRegression({ rows, lost }: Comparison): boolean {
  return lost.length > 0 || rows.some(({ verdict }) => verdict === 'worse')
}

function isAbout(failure: Failure, { dataplane, services, endpointsPerService }: Result): boolean {
  return (
    failure.dataplane === dataplane &&
    failure.services === services &&
    failure.endpointsPerService === endpointsPerService
  )
}

function partition<T>(list: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  return [list.filter(holds), list.filter((one) => !holds(one))]
}

interface Limits {
  readonly alpha: number
  readonly threshold: number
}

function judge({ metric }: ResultKey, estimate: Estimate, { alpha, threshold }: Limits): Verdict {
  const { spread } = estimate
  if (spread === undefined) return 'refused'
  if (!exceeds(metric, estimate, threshold)) return 'same'
  if (spread.probability > alpha) return 'unsure'
  const { better } = metrics[metric]
  if (better === undefined) return 'changed'
  return estimate.distance > 0 === (better === 'lower') ? 'worse' : 'better'
}

/** In the same way up and down: with 10 %, above 1.1 times or below 1/1.1. */
function exceeds(
  metric: ResultKey['metric'],
  { scale, a, b, distance }: Estimate,
  threshold: number,
): boolean {
  if (Math.abs(b - a) < (minChange[metric] ?? 0)) return false
  if (scale === 'ratio') return Math.abs(distance) > Math.log1p(threshold)
  return Math.abs(distance) > threshold * Math.min(Math.abs(a), Math.abs(b))
}

/**
 * The lower bound is the kernel's part alone, with none of our code in it. Where it moved, the machine was another: a busy
 * neighbour, another frequency.
 */
function movedLowerBounds(
  pairs: readonly { readonly resultA: Result; readonly resultB: Result }[],
  threshold: number,
): string[] {
  const moved = pairs.flatMap(({ resultA, resultB }) => {
    const [a, b] = [resultA.lowerBound?.p50 ?? 0, resultB.lowerBound?.p50 ?? 0]
    return a > 0 && b > 0 ? [Math.log(b / a)] : []
  })
  if (moved.length === 0) return []
  const typical = moved.toSorted((a, b) => a - b)[Math.floor(moved.length / 2)] ?? 0
  if (Math.abs(typical) <= Math.log1p(threshold)) return []
  const how = typical > 0 ? 'slower' : 'faster'
  return [
    `the lower bounds moved too, by ${Math.exp(typical).toFixed(2)} in the median: the kernel's part alone was ${how} in B, which no change of ours explains; run both again, side by side`,
  ]
}

function keyOf({ dataplane, scenario, services, endpointsPerService, metric, unit }: Result): ResultKey {
  return { dataplane, scenario, services, endpointsPerService, metric, unit }
}

function keyText({ dataplane, scenario, services, endpointsPerService, metric }: Result): string {
  return JSON.stringify([dataplane, scenario, services, endpointsPerService, metric])
}
