import { Counter, type Registry } from 'prom-client'
import type { Applied, EngineObserver, Failed } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'
import { buckets } from './buckets.ts'
import { ByFamily } from './by-family.ts'
import { CountedHistogram } from './counted-histogram.ts'
import { NoLocalEndpoints } from './no-local-endpoints.ts'
import { readMetric } from './read-metrics.ts'

export interface SyncMetricsOptions {
  readonly registry: Registry
  /** Its name: some of kube-proxy's metrics belong to one of its modes. */
  readonly dataplane: string
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number
  /** Milliseconds, by the engine's `Timing.now()`. */
  readonly now: () => number
  /** When a sync of the family was last asked for, by `now`; `undefined`: never. */
  readonly queuedAt: (family: IpFamily) => number | undefined
}

/**
 * kube-proxy's metrics of its syncs, by what the engine does (SEMANTICS 20). A sync is an apply; a partial one is that of
 * a change, any other is a full one.
 */
export class SyncMetrics implements EngineObserver {
  readonly #wallClock: () => number
  readonly #families: ByFamily<FamilySyncs>
  readonly #failures: SyncFailures

  constructor(options: SyncMetricsOptions) {
    const { registry, dataplane, wallClock } = options
    this.#wallClock = wallClock
    const histogram = (name: string, help: string, bounds: readonly number[]) =>
      new CountedHistogram({
        registry,
        name: `kubeproxy_${name}`,
        help,
        labels: ['ip_family'],
        buckets: bounds,
      })
    const durations = {
      all: histogram('sync_proxy_rules_duration_seconds', 'Duration of each sync.', buckets.sync),
      full: histogram(
        'sync_full_proxy_rules_duration_seconds',
        'Duration of each sync from what the kernel holds: the first, after a failure, after drift.',
        buckets.sync,
      ),
      partial: histogram(
        'sync_partial_proxy_rules_duration_seconds',
        'Duration of each sync of a change alone.',
        buckets.sync,
      ),
      programming: histogram(
        'network_programming_duration_seconds',
        "Time from a change of endpoints, by the cluster's clock, to the kernel.",
        buckets.networkProgramming,
      ),
    }
    this.#failures = syncFailures(registry, dataplane)
    this.#families = new ByFamily((family) => new FamilySyncs(durations, this.#failures, family))
    this.#readGauges(options)
  }

  /** Shows the family, with zeros: dashboards list their nodes by what is there. */
  begin(family: IpFamily): void {
    this.#families.of(family)
  }

  /** A sync that finds nothing to do has succeeded. */
  onUnchanged(family: IpFamily): void {
    this.#families.of(family).syncedAt = this.#wallClock()
  }

  onApplied(applied: Applied): void {
    this.#families.of(applied.family).applied(applied, this.#wallClock())
  }

  onFailed(failed: Failed): void {
    this.#families.of(failed.family).failed(failed)
  }

  #readGauges({ registry, wallClock, now, queuedAt }: SyncMetricsOptions): void {
    const families = this.#families
    const timeOf = (at: number) => wallClock() - (now() - at)
    readMetric({
      registry,
      type: 'gauge',
      name: 'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
      help: 'When the kernel was last known to be as the table says.',
      labels: ['ip_family'],
      read: () => families.readings(({ syncedAt }) => syncedAt / 1000),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
      help: 'When a sync was last asked for.',
      labels: ['ip_family'],
      read: () => families.readings((kept, family) => kept.queued(queuedAt(family), timeOf) / 1000),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
      help: 'Service ports with a traffic policy Local and endpoints on other nodes alone.',
      labels: ['traffic_policy', 'ip_family'],
      read: () =>
        (['internal', 'external'] as const).flatMap((policy) =>
          families
            .readings(({ noLocalEndpoints }) => noLocalEndpoints[policy])
            .map(([labels, count]) => [{ ...labels, traffic_policy: policy }, count] as const),
        ),
    })
  }
}

type Durations = Readonly<Record<'all' | 'full' | 'partial' | 'programming', CountedHistogram<'ip_family'>>>

/** Which counters a failure counts in, by kube-proxy's mode of the dataplane's name; others have none. */
interface SyncFailures {
  readonly full: Counter<'ip_family'> | undefined
  readonly partial: Counter<'ip_family'> | undefined
}

function syncFailures(registry: Registry, dataplane: string): SyncFailures {
  const counter = (name: string, help: string) =>
    new Counter({
      name: `kubeproxy_sync_proxy_rules_${name}_total`,
      help,
      labelNames: ['ip_family'],
      registers: [registry],
    })
  if (dataplane === 'nftables') {
    const all = counter('nftables_sync_failures', 'Syncs that failed.')
    return { full: all, partial: all }
  }
  if (dataplane !== 'iptables' && dataplane !== 'ipvs') return { full: undefined, partial: undefined }
  const full = counter('iptables_restore_failures', 'Full syncs that failed.')
  // kube-proxy's ipvs knows full syncs only.
  if (dataplane === 'ipvs') return { full, partial: full }
  const partial = counter(
    'iptables_partial_restore_failures',
    'Syncs of a change that failed; a full one follows.',
  )
  return { full, partial }
}

class FamilySyncs {
  readonly noLocalEndpoints = new NoLocalEndpoints()
  syncedAt = 0
  /** One moment is one time, also after the wall's clock was set or the machine slept. */
  #queued = { at: Number.NaN, time: 0 }
  readonly #full
  readonly #partial
  readonly #programming
  readonly #failed

  constructor(durations: Durations, failures: SyncFailures, ipFamily: IpFamily) {
    const labels = { ip_family: ipFamily }
    this.#full = durations.full.series(labels)
    this.#partial = durations.partial.series(labels)
    durations.all.together(labels, [this.#full, this.#partial])
    this.#programming = durations.programming.series(labels)
    for (const counter of [failures.full, failures.partial]) counter?.inc(labels, 0)
    this.#failed = { full: failures.full?.labels(labels), partial: failures.partial?.labels(labels) }
  }

  applied({ why, timings, triggerTimes, routes }: Applied, now: number): void {
    this.#took(why === 'change', timings.applied - timings.begun)
    // Clocks of two machines: a change from the future was programmed at once, as far as can be told.
    for (const time of triggerTimes) this.#programming.observe(Math.max(0, now - time) / 1000)
    this.noLocalEndpoints.take(routes)
    this.syncedAt = now
  }

  queued(at: number | undefined, timeOf: (at: number) => number): number {
    if (at === undefined) return 0
    if (at !== this.#queued.at) this.#queued = { at, time: timeOf(at) }
    return this.#queued.time
  }

  failed({ why, took }: Failed): void {
    const isPartial = why === 'change'
    this.#took(isPartial, took)
    const counter = isPartial ? this.#failed.partial : this.#failed.full
    counter?.inc()
  }

  #took(isPartial: boolean, milliseconds: number): void {
    const series = isPartial ? this.#partial : this.#full
    series.observe(milliseconds / 1000)
  }
}
