import { Counter, Gauge, type Registry } from 'prom-client'

/** Values, each with its labels. */
export type Readings<Label extends string> = Iterable<readonly [Readonly<Record<Label, string>>, number]>

export interface ReadMetric<Label extends string> {
  readonly registry: Registry
  /** `counter`: somebody else counts. */
  readonly type: 'gauge' | 'counter'
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  readonly read: () => Readings<Label>
}

/** A metric whose values are read when it is scraped, so that nothing is spent on it in between. */
export function readMetric<Label extends string>(metric: ReadMetric<Label>): void {
  const { registry, type, name, help, labels, read } = metric
  const configuration = { name, help, labelNames: labels, registers: [registry] }
  if (type === 'gauge')
    new Gauge<Label>({
      ...configuration,
      collect() {
        // What is read no more is shown no more.
        this.reset()
        for (const [values, value] of read()) this.set(values, value)
      },
    })
  else
    new Counter<Label>({
      ...configuration,
      collect() {
        this.reset()
        for (const [values, value] of read()) this.inc(values, value)
      },
    })
}
