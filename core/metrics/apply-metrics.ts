import { Counter, Histogram, type Registry } from 'prom-client'
import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Applied, ApplyReason, Drift, EngineObserver, Failed } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'
import { buckets } from './buckets.ts'
import { ByFamily } from './by-family.ts'
import { readGauge } from './read-metrics.ts'

/** Our own metrics of what the engine and the dataplane do: where time goes, what fails, what others changed. */
export class ApplyMetrics implements EngineObserver {
  readonly #degraded = new DegradedRoutes()
  readonly #families: ByFamily<FamilyApplies>
  readonly #nodeChanges: Counter
  readonly #faults: Counter<'method'>

  constructor(registry: Registry) {
    const instruments = applyInstruments(registry)
    this.#families = new ByFamily((family) => new FamilyApplies(instruments, family))
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
    this.#readGauges(registry)
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
    this.#families.of(family).driftFound.inc()
  }

  onDisagreement({ family }: Drift): void {
    this.#families.of(family).disagreements.inc()
  }

  onNodeChange(): void {
    this.#nodeChanges.inc()
  }

  onFault({ method }: DataplaneError): void {
    this.#faults.inc({ method })
  }

  #readGauges(registry: Registry): void {
    const families = this.#families
    const gauge = (name: string, help: string, read: (kept: FamilyApplies, family: IpFamily) => number) =>
      readGauge({
        registry,
        name: `portolan_${name}`,
        help,
        labels: ['ip_family'],
        read: () => families.readings(read),
      })
    gauge('routes', 'Service ports in the table that was last applied.', ({ routes }) => routes)
    gauge('degraded_routes', 'Service ports that cannot be programmed as asked.', (_, family) =>
      this.#degraded.count(family),
    )
  }
}

const stages = ['wait', 'compute', 'compile', 'apply'] as const
const reasons: readonly ApplyReason[] = ['start', 'change', 'retry', 'repair']

interface ApplyInstruments {
  readonly stage: Histogram<'ip_family' | 'stage'>
  readonly applies: Counter<'ip_family' | 'reason' | 'result'>
  readonly operations: Counter<'ip_family'>
  readonly bytes: Counter<'ip_family'>
  readonly driftFound: Counter<'ip_family'>
  readonly driftRepaired: Counter<'ip_family'>
  readonly disagreements: Counter<'ip_family'>
}

function applyInstruments(registry: Registry): ApplyInstruments {
  const registers = [registry]
  const counter = (name: string, help: string) =>
    new Counter({ name: `portolan_${name}_total`, help, labelNames: ['ip_family'], registers })
  return {
    stage: new Histogram({
      name: 'portolan_apply_stage_duration_seconds',
      help:
        'Duration of the stages of an apply. wait: from the first byte of its oldest event until work begins; compute: ' +
        'the difference of the tables; compile: the program; apply: the kernel.',
      labelNames: ['ip_family', 'stage'],
      buckets: buckets.stage,
      registers,
    }),
    applies: new Counter({
      name: 'portolan_applies_total',
      help: 'Applies, by reason (start, change, retry, repair) and result (success, failure).',
      labelNames: ['ip_family', 'reason', 'result'],
      registers,
    }),
    operations: counter('kernel_operations', 'Operations that the kernel has taken.'),
    bytes: counter('kernel_written_bytes', 'Bytes sent to the kernel or to a tool.'),
    driftFound: counter('drift_found', 'Times that the kernel did not hold what was written to it.'),
    driftRepaired: counter('drift_repaired', 'Times that this was repaired.'),
    disagreements: counter(
      'dataplane_disagreements',
      'Times that the dataplane read back something other than it had just written.',
    ),
  }
}

class FamilyApplies {
  routes = 0
  readonly driftFound
  readonly disagreements
  readonly #driftRepaired
  readonly #operations
  readonly #bytes
  readonly #stages
  readonly #results

  constructor(instruments: ApplyInstruments, ipFamily: IpFamily) {
    const labels = { ip_family: ipFamily }
    const { stage, applies, operations, bytes, driftFound, driftRepaired, disagreements } = instruments
    for (const counter of [operations, bytes, driftFound, driftRepaired, disagreements])
      counter.inc(labels, 0)
    this.driftFound = driftFound.labels(labels)
    this.disagreements = disagreements.labels(labels)
    this.#driftRepaired = driftRepaired.labels(labels)
    this.#operations = operations.labels(labels)
    this.#bytes = bytes.labels(labels)
    this.#stages = recordOf(stages, (name) => {
      stage.zero({ ...labels, stage: name })
      return stage.labels({ ...labels, stage: name })
    })
    this.#results = recordOf(reasons, (reason) =>
      recordOf(['success', 'failure'] as const, (result) => {
        applies.inc({ ...labels, reason, result }, 0)
        return applies.labels({ ...labels, reason, result })
      }),
    )
  }

  applied({ why, report, timings, totalRoutes }: Applied): void {
    const { received, begun, computed, compiled, applied } = timings
    this.routes = totalRoutes
    this.#results[why].success.inc()
    if (why === 'repair') this.#driftRepaired.inc()
    this.#operations.inc(report.operations)
    this.#bytes.inc(report.bytes)
    if (received !== undefined) this.#stages.wait.observe(Math.max(0, begun - received) / 1000)
    this.#stages.compute.observe((computed - begun) / 1000)
    this.#stages.compile.observe((compiled - computed) / 1000)
    this.#stages.apply.observe((applied - compiled) / 1000)
  }

  failed({ why }: Failed): void {
    this.#results[why].failure.inc()
  }
}

function recordOf<Key extends string, Value>(
  keys: readonly Key[],
  value: (key: Key) => Value,
): Readonly<Record<Key, Value>> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>
}
