import { Registry } from 'prom-client'
import type { RecordKind } from '../cluster/records.ts'
import type { EngineObserver } from '../engine/observer.ts'
import { observers } from '../engine/observers.ts'
import type { SyncProgress } from '../engine/progress.ts'
import type { ForwardingCounts } from '../localhost/forwarding-messages.ts'
import type { IpFamily } from '../network/address.ts'
import type { ClusterSource } from '../source/cluster-source.ts'
import type { ApiObserver } from '../source/kubernetes/api-observer.ts'
import { ApiMetrics } from './api-metrics.ts'
import { ApplyMetrics } from './apply-metrics.ts'
import { addClusterMetrics } from './cluster-metrics.ts'
import { FlowMetrics } from './flow-metrics.ts'
import { HealthMetrics } from './health-metrics.ts'
import { addLocalhostMetrics } from './localhost-metrics.ts'
import { addProcessMetrics, type ProcessFacts } from './process-metrics.ts'
import { type MeasuredProgress, ProgressMetrics } from './progress-metrics.ts'
import { SyncMetrics } from './sync-metrics.ts'

/** What a running proxy shows of itself. */
export interface MeasuredProxy {
  readonly families: readonly IpFamily[]
  readonly source: Pick<ClusterSource, 'progress'>
  readonly problemCounts: ReadonlyMap<string, number>
  readonly eventCounts: Readonly<Record<RecordKind, number>>
  /** Absent: no NodePort is forwarded at loopback. */
  readonly forwardingCounts: ForwardingCounts | undefined
  readonly builders: readonly {
    readonly pendingEvents: Readonly<Record<'services' | 'slices', number>>
  }[]
  progress(family: IpFamily): SyncProgress | undefined
}

/** All metrics of one proxy. Made before it, because they are told how it starts. */
export class ProxyMetrics {
  readonly registry = new Registry()
  /** To be given to the proxy. */
  readonly observer: EngineObserver
  /** To be given to the proxy as well. */
  readonly apiObserver: ApiObserver
  /** To be told of the health server's answers. */
  readonly health: HealthMetrics
  readonly #perFamily: readonly { begin(family: IpFamily): void }[]
  #proxy: MeasuredProxy | undefined
  #progress: MeasuredProgress | undefined

  constructor(facts: ProcessFacts) {
    const { registry } = this
    const now = performance.now.bind(performance)
    const syncs = new SyncMetrics({
      registry,
      dataplane: facts.dataplane,
      wallClock: Date.now,
      now,
      queuedAt: (family) => this.#proxy?.progress(family)?.notifiedAt,
    })
    const applies = new ApplyMetrics(registry)
    const flows = new FlowMetrics(registry)
    const progress = new ProgressMetrics(registry, () => this.#progress, now)
    this.#perFamily = [syncs, applies, flows]
    this.observer = observers([syncs, applies, flows, progress])
    this.apiObserver = new ApiMetrics(registry)
    this.health = new HealthMetrics(registry)
    addClusterMetrics(registry, () => this.#cluster())
    addLocalhostMetrics(registry, () => this.#proxy?.forwardingCounts)
    addProcessMetrics(registry, facts)
  }

  /** From now on the proxy's own figures are read too. */
  measure(proxy: MeasuredProxy): void {
    this.#proxy = proxy
    this.#progress = {
      syncOf: (family) => proxy.progress(family),
      source: () => proxy.source.progress ?? [],
    }
    for (const family of proxy.families) for (const metrics of this.#perFamily) metrics.begin(family)
  }

  #cluster() {
    const proxy = this.#proxy
    if (proxy === undefined) return undefined
    const { problemCounts, eventCounts, builders } = proxy
    return { problemCounts, eventCounts, pendingEvents: builders.map(({ pendingEvents }) => pendingEvents) }
  }
}
