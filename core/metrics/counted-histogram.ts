import { Histogram, type MetricType, type MetricValueWithName, type Registry } from 'prom-client'

export interface CountedHistogramOptions<Label extends string> {
  readonly registry: Registry
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  /** Upper bounds, the lowest first. */
  readonly buckets: readonly number[]
}

/** An enumeration to the types, and a text to everything else. */
const histogram = 'histogram' as unknown as MetricType

type Shown = Awaited<ReturnType<Histogram['get']>>

/**
 * A histogram on the way of every change. prom-client looks a value's series up by the text of its labels, each time; here
 * a caller keeps its series, and observing adds to numbers. It is prom-client's in all else.
 */
export class CountedHistogram<Label extends string> extends Histogram<Label> {
  readonly #options: CountedHistogramOptions<Label>
  readonly #shown: [labels: Readonly<Record<Label, string>>, parts: readonly Series[]][] = []

  constructor(options: CountedHistogramOptions<Label>) {
    const { registry, name, help, labels, buckets } = options
    super({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] })
    this.#options = options
  }

  /** Shows a series, with zeros, and gives what it is observed by. To be called once for the same labels. */
  series(labels: Readonly<Record<Label, string>>): Series {
    const series = new Series(this.#options.buckets)
    this.#shown.push([labels, [series]])
    return series
  }

  /** Shows what other series of the same buckets are together, so that nothing is observed twice. */
  together(labels: Readonly<Record<Label, string>>, parts: readonly Series[]): void {
    this.#shown.push([labels, parts])
  }

  override async get(): Promise<Shown> {
    const { name, help } = this.#options
    const values = this.#shown.flatMap(([labels, parts]) => this.#values(labels, parts))
    return { name, help, type: histogram, aggregator: 'sum', collect() {}, values }
  }

  /** What a registry calls in place of `get`, and the types don't know. */
  getForPromString(): Promise<Shown> {
    return this.get()
  }

  #values(labels: Readonly<Record<Label, string>>, parts: readonly Series[]): MetricValueWithName<string>[] {
    const { name, buckets } = this.#options
    const sumOf = (of: (part: Series) => number) => parts.reduce((total, part) => total + of(part), 0)
    let count = 0
    const cumulative = [...buckets, '+Inf'].map((le, at) => {
      count += sumOf(({ counts }) => counts[at] ?? 0)
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
    })
    const whole = [
      { metricName: `${name}_sum`, labels, value: sumOf(({ sum }) => sum) },
      { metricName: `${name}_count`, labels, value: count },
    ]
    return [...cumulative, ...whole]
  }
}

/** What is observed, by one caller. */
export class Series {
  sum = 0
  /** Of each bucket alone; the last is of what is above all bounds. */
  readonly counts: number[]
  readonly #buckets: readonly number[]

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets
    this.counts = [...buckets.map(() => 0), 0]
  }

  observe(value: number): void {
    let at = 0
    for (const bound of this.#buckets) {
      if (value <= bound) break
      at++
    }
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sum += value
  }
}
