import { median, quantiles } from '../measure/quantiles.ts'
import { type Floor, type MetricName, metrics, type Result } from '../results.ts'

/** What results are about, besides their metric. */
export type Subject = Pick<Result, 'dataplane' | 'services' | 'endpointsPerService'>

interface Series {
  readonly subject: Subject
  readonly scenario: string
  readonly metric: MetricName
  /** The values of each run. */
  readonly runs: number[][]
  floor?: number[]
  floorOf?: Floor['of']
}

/** Collects values while they are measured, and makes results of them. */
export class Recorder {
  readonly #series = new Map<string, Series>()
  #run = 0

  /** What comes from here on is of this run: 0, 1, ... */
  startRun(run: number): void {
    this.#run = run
  }

  add(subject: Subject, scenario: string, metric: MetricName, values: number | readonly number[]): void {
    const series = this.#find(subject, scenario, metric)
    series.runs[this.#run] ??= []
    const run = series.runs[this.#run]
    // No spread into push: there may be more values than a call can have arguments.
    if (typeof values === 'number') run?.push(values)
    else for (const value of values) run?.push(value)
  }

  /** The least that this metric could be; does nothing where it wasn't measured. */
  addFloor(
    subject: Subject,
    scenario: string,
    metric: MetricName,
    of: Floor['of'],
    values: readonly number[],
  ): void {
    const series = this.#series.get(keyOf(subject, scenario, metric))
    if (series === undefined || values.length === 0) return
    series.floor = [...(series.floor ?? []), ...values]
    series.floorOf = of
  }

  /** Of all values so far; `undefined` where there are none. */
  median(subject: Subject, scenario: string, metric: MetricName): number | undefined {
    const values = this.#series.get(keyOf(subject, scenario, metric))?.runs.flat() ?? []
    return values.length === 0 ? undefined : median(values)
  }

  /** In the order in which they were first added. */
  results(): Result[] {
    return [...this.#series.values()].map(({ subject, scenario, metric, runs, floor, floorOf }) => {
      const filled = runs.filter((run) => run.length > 0)
      return {
        ...subject,
        scenario,
        metric,
        unit: metrics[metric].unit,
        ...rounded(quantiles(filled.flat())),
        runs: filled.map((run) => significant(median(run))),
        ...(floor === undefined || floorOf === undefined ? {} : { floor: floorResult(floor, floorOf) }),
      }
    })
  }

  #find(subject: Subject, scenario: string, metric: MetricName): Series {
    const key = keyOf(subject, scenario, metric)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { subject, scenario, metric, runs: [] }
      this.#series.set(key, series)
    }
    return series
  }
}

function keyOf(
  { dataplane, services, endpointsPerService }: Subject,
  scenario: string,
  metric: string,
): string {
  return [dataplane, services, endpointsPerService, scenario, metric].join('|')
}

function floorResult(values: readonly number[], of: Floor['of']): Floor {
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
