import { Counter, type Registry } from 'prom-client'
import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Applied, ApplyReason, Drift, EngineObserver, Failed } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'
import { buckets } from './buckets.ts'
import { ByFamily } from './by-family.ts'
import { CountedHistogram } from './counted-histogram.ts'
import { readMetric } from './read-metrics.ts'

/** Our own metrics of what the engine and the dataplane do: where time goes, what fails, what others changed. */
export class ApplyMetrics implements EngineObserver {
  readonly #degraded = new DegradedRoutes()
  readonly #families: ByFamily<FamilyApplies>
  readonly #nodeChanges: Counter
  readonly #faults: Counter<'method'>

  constructor(registry: Registry) {
    const stage = new CountedHistogram({
      registry,
      name: 'portolan_apply_stage_duration_seconds',
      help:
        'Duration of the stages of an apply. wait: from the first byte of its oldest event until work begins; compute: ' +
        'the difference of the tables; compile: the program; apply: the kernel.',
      labels: ['ip_family', 'stage'],
      buckets: buckets.stage,
    })
    this.#families = new ByFamily((family) => new FamilyApplies(stage, family))
    this.#nodeChanges = new Counter({
      name: 'portolan_node_changes_total',
      help: 'Changes of interfaces, addresses and network namespaces that the dataplane has followed.',
      registers: [registry],
    })
    this.#faults = new Counter({
      name: 'portolan_dataplane_faults_total',
      help: 'Breaches of the contract by the dataplane that failed no apply, each message once.',
      labelNames: ['method'],
      registers: [registry],
    })
    this.#readByFamily(registry)
  }

  /** Shows the family, with zeros. */
  begin(family: IpFamily): void {
    this.#families.of(family)
  }

  onApplied(applied: Applied): void {
    this.#degraded.take(applied)
    this.#families.of(applied.family).applied(applied)
  }

  onFailed(failed: Failed): void {
    this.#families.of(failed.family).failed(failed)
  }

  onDrift({ family }: Drift): void {
    this.#families.of(family).driftFound++
  }

  onDisagreement({ family }: Drift): void {
    this.#families.of(family).disagreements++
  }

  onNodeChange(): void {
    this.#nodeChanges.inc()
  }

  onFault({ method }: DataplaneError): void {
    this.#faults.inc({ method })
  }

  #readByFamily(registry: Registry): void {
    const families = this.#families
    const metric =
      (type: 'gauge' | 'counter') =>
      (name: string, help: string, read: (kept: FamilyApplies, family: IpFamily) => number) =>
        readMetric({
          registry,
          type,
          name: `portolan_${name}`,
          help,
          labels: ['ip_family'],
          read: () => families.readings(read),
        })
    const gauge = metric('gauge')
    const counter = metric('counter')
    gauge('routes', 'Service ports in the table that was last applied.', ({ routes }) => routes)
    gauge('degraded_routes', 'Service ports that cannot be programmed as asked.', (_, family) =>
      this.#degraded.count(family),
    )
    readMetric({
      registry,
      type: 'counter',
      name: 'portolan_applies_total',
      help: 'Applies, by reason (start, change, retry, repair) and result (success, failure).',
      labels: ['ip_family', 'reason', 'result'],
      read: () =>
        reasons.flatMap((reason) =>
          results.flatMap((result) =>
            families
              .readings(({ applies }) => applies[reason][result])
              .map(([labels, count]) => [{ ...labels, reason, result }, count] as const),
          ),
        ),
    })
    counter('kernel_operations_total', 'Operations that the kernel has taken.', (kept) => kept.operations)
    counter('kernel_written_bytes_total', 'Bytes sent to the kernel or to a tool.', (kept) => kept.bytes)
    counter(
      'drift_found_total',
      'Times that the kernel did not hold what was written to it.',
      (kept) => kept.driftFound,
    )
    counter('drift_repaired_total', 'Times that this was repaired.', (kept) => kept.applies.repair.success)
    counter(
      'dataplane_disagreements_total',
      'Times that the dataplane read back something other than it had just written.',
      (kept) => kept.disagreements,
    )
  }
}

const stages = ['wait', 'compute', 'compile', 'apply'] as const
const reasons: readonly ApplyReason[] = ['start', 'change', 'retry', 'repair']
const results = ['success', 'failure'] as const

/** Plain numbers: every change counts here, and a scrape reads them. */
class FamilyApplies {
  routes = 0
  operations = 0
  bytes = 0
  driftFound = 0
  disagreements = 0
  readonly applies = recordOf(reasons, () => recordOf(results, () => 0))
  readonly #stages

  constructor(stage: CountedHistogram<'ip_family' | 'stage'>, ipFamily: IpFamily) {
    this.#stages = recordOf(stages, (name) => stage.series({ ip_family: ipFamily, stage: name }))
  }

  applied({ why, report, timings, totalRoutes }: Applied): void {
    const { received, begun, computed, compiled, applied } = timings
    this.routes = totalRoutes
    this.applies[why].success++
    this.operations += report.operations
    this.bytes += report.bytes
    if (received !== undefined) this.#stages.wait.observe(Math.max(0, begun - received) / 1000)
    this.#stages.compute.observe((computed - begun) / 1000)
    this.#stages.compile.observe((compiled - computed) / 1000)
    this.#stages.apply.observe((applied - compiled) / 1000)
  }

  failed({ why }: Failed): void {
    this.applies[why].failure++
  }
}

function recordOf<Key extends string, Value>(
  keys: readonly Key[],
  value: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>
}
