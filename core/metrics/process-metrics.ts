import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'

export interface ProcessFacts {
  /** Portolan's. */
  readonly version: string
  readonly dataplane: string
}

/**
 * Of prom-client's, but not ours. Lag over time needs a timer of 100 Hz, which costs a quiet node 0.5 % of a CPU: its period
 * is made endless. The sums of what is active are gauges that are called counters, and PromQL can add.
 */
const leftOut = [
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((name) => `eventloop_lag_${name}_seconds`),
  ...['handles', 'requests', 'resources'].map((name) => `active_${name}_total`),
]

/** The process as every Prometheus client shows it, and what it is: `process_*`, `nodejs_*`, `portolan_build_info`. */
export function addProcessMetrics(registry: Registry, facts: ProcessFacts): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 2 ** 31 - 1 })
  for (const name of leftOut) registry.removeSingleMetric(`nodejs_${name}`)
  const labels = { ...facts, nodejs: process.versions.node }
  new Gauge({
    name: 'portolan_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: Object.keys(labels),
    registers: [registry],
  }).set(labels, 1)
}
