import { median, quantiles } from '../measure/quantiles.ts'
import { type MetricName, metrics } from '../metrics.ts'
import type { LowerBound, Result } from '../results.ts'

/** What results are about, besides their metric. */
export type MeasuredCell = Pick<Result, 'dataplane' | 'services' | 'endpointsPerService'>

interface Series {
  readonly about: MeasuredCell
  readonly scenario: string
  readonly metric: MetricName
  /** The values of each run. */
  readonly runs: number[][]
  lowerBound?: number[]
  lowerBoundOf?: LowerBound['of']
}

/** Collects values while they are measured, and makes results of them. */
export class Recorder {
  readonly #series = new Map<string, Series>()
  #run = 0

  /** What comes from here on is of this run: 0, 1, ... */
  startRun(run: number): void {
    this.#run = run
  }

  add(about: MeasuredCell, scenario: string, metric: MetricName, values: number | readonly number[]): void {
    const series = this.#find(about, scenario, metric)
    series.runs[this.#run] ??= []
    const run = series.runs[this.#run]
    // No spread into push: there may be more values than a call can have arguments.
    if (typeof values === 'number') run?.push(values)
    else for (const value of values) run?.push(value)
  }

  /** The least that this metric could be; does nothing where it wasn't measured. */
  addLowerBound(
    about: MeasuredCell,
    scenario: string,
    metric: MetricName,
    of: LowerBound['of'],
    values: readonly number[],
  ): void {
    const series = this.#series.get(keyOf(about, scenario, metric))
    if (series === undefined || values.length === 0) return
    series.lowerBound = [...(series.lowerBound ?? []), ...values]
    series.lowerBoundOf = of
  }

  /** Of all values so far; `undefined` where there are none. */
  median(about: MeasuredCell, scenario: string, metric: MetricName): number | undefined {
    const values = this.#series.get(keyOf(about, scenario, metric))?.runs.flat() ?? []
    return values.length === 0 ? undefined : median(values)
  }

  /** In the order in which they were first added. */
  results(): Result[] {
    return [...this.#series.values()].map(({ about, scenario, metric, runs, lowerBound, lowerBoundOf }) => {
      const filled = runs.filter((run) => run.length > 0)
      return {
        ...about,
        scenario,
        metric,
        unit: metrics[metric].unit,
        ...rounded(quantiles(filled.flat())),
        runs: filled.map((run) => significant(median(run))),
        ...(lowerBound === undefined || lowerBoundOf === undefined
          ? {}
          : { lowerBound: lowerBoundResult(lowerBound, lowerBoundOf) }),
      }
    })
  }

  #find(about: MeasuredCell, scenario: string, metric: MetricName): Series {
    const key = keyOf(about, scenario, metric)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { about, scenario, metric, runs: [] }
      this.#series.set(key, series)
    }
    return series
  }
}

function keyOf(
  { dataplane, services, endpointsPerService }: MeasuredCell,
  scenario: string,
  metric: string,
): string {
  return [dataplane, services, endpointsPerService, scenario, metric].join('|')
}

function lowerBoundResult(values: readonly number[], of: LowerBound['of']): LowerBound {
  const { p50, p99, samples } = quantiles(values)
  return { p50: significant(p50), p99: significant(p99), samples, of }
}

function rounded(figures: ReturnType<typeof quantiles>): ReturnType<typeof quantiles> {
  const { p50, p90, p99, max, samples } = figures
  return {
    p50: significant(p50),
    p90: significant(p90),
    p99: significant(p99),
    max: significant(max),
    samples,
  }
}

/** Five digits are more than any of this is good to, and nine kilobytes less of a file. */
function significant(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5))
}
