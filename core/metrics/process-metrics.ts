import { Gauge, type Registry } from 'prom-client'
import addEventLoopLag from 'prom-client/lib/metrics/eventLoopLag.js'
import addHeapSize from 'prom-client/lib/metrics/heapSizeAndUsed.js'
import addHeapSpaces from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js'
import addMemory from 'prom-client/lib/metrics/osMemoryHeap.js'
import addCpuTime from 'prom-client/lib/metrics/processCpuTotal.js'
import addHandles from 'prom-client/lib/metrics/processHandles.js'
import addMaxFiles from 'prom-client/lib/metrics/processMaxFileDescriptors.js'
import addOpenFiles from 'prom-client/lib/metrics/processOpenFileDescriptors.js'
import addRequests from 'prom-client/lib/metrics/processRequests.js'
import addResources from 'prom-client/lib/metrics/processResources.js'
import addStartTime from 'prom-client/lib/metrics/processStartTime.js'
import addVersion from 'prom-client/lib/metrics/version.js'

export interface ProcessFacts {
  /** Portolan's. */
  readonly version: string
  readonly dataplane: string
}

/**
 * prom-client's default metrics, but for those of garbage collection: to hear of each costs 0.1 ms of CPU, and a busy node has
 * some a second.
 */
const defaultMetrics = [
  addCpuTime,
  addEventLoopLag,
  addHandles,
  addHeapSize,
  addHeapSpaces,
  addMaxFiles,
  addMemory,
  addOpenFiles,
  addRequests,
  addResources,
  addStartTime,
  addVersion,
]

/**
 * Of these, but not ours. Lag over time needs a timer of 100 Hz, which costs a quiet node 0.5 % of a CPU: its period
 * is made endless. The sums of what is active are gauges that are called counters, and PromQL can add.
 */
const leftOut = [
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((name) => `eventloop_lag_${name}_seconds`),
  ...['handles', 'requests', 'resources'].map((name) => `active_${name}_total`),
]

/** The process as every Prometheus client shows it, and what it is: `process_*`, `nodejs_*`, `portolan_build_info`. */
export function addProcessMetrics(registry: Registry, facts: ProcessFacts): void {
  for (const add of defaultMetrics) add(registry, { eventLoopMonitoringPrecision: 2 ** 31 - 1 })
  for (const name of leftOut) registry.removeSingleMetric(`nodejs_${name}`)
  const labels = { ...facts, nodejs: process.versions.node }
  new Gauge({
    name: 'portolan_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: Object.keys(labels),
    registers: [registry],
  }).set(labels, 1)
}
