import { Counter, type CounterConfiguration, Gauge, type Registry } from 'prom-client'

/** Values, each with its labels. */
export type Readings<Label extends string> = Iterable<readonly [Readonly<Record<Label, string>>, number]>

export interface ReadMetric<Label extends string> {
  readonly registry: Registry
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  readonly read: () => Readings<Label>
}

/** A gauge whose values are read when it is scraped, so that nothing is spent on it in between. */
export function readGauge<Label extends string>({
  registry,
  name,
  help,
  labels,
  read,
}: ReadMetric<Label>): void {
  new Gauge<Label>({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      // What is read no more is shown no more.
      this.reset()
      for (const [values, value] of read()) this.set(values, value)
    },
  })
}

/** A counter that somebody else counts, read when it is scraped. */
export function readCounter<Label extends string>({
  registry,
  name,
  help,
  labels,
  read,
}: ReadMetric<Label>): void {
  const configuration: CounterConfiguration<Label> = {
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset()
      for (const [values, value] of read()) this.inc(values, value)
    },
  }
  new Counter<Label>(configuration)
}
