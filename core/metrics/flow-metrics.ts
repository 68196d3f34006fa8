import { Counter, Histogram, type Registry } from 'prom-client'
import type { EngineObserver, FlowsFailed, FlowsForgotten } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'
import { buckets } from './buckets.ts'

/** Passes through the flows of UDP, by kube-proxy's names (SEMANTICS 12, 20). A dataplane that needs none has zeros. */
export class FlowMetrics implements EngineObserver {
  readonly #duration: Histogram<'ip_family'>
  readonly #deleted: Counter<'ip_family'>
  readonly #failures: Counter<'ip_family'>

  constructor(registry: Registry) {
    const common = { labelNames: ['ip_family'] as const, registers: [registry] }
    this.#duration = new Histogram({
      ...common,
      name: 'kubeproxy_conntrack_reconciler_sync_duration_seconds',
      help: 'Duration of each pass through the flows of UDP.',
      buckets: [...buckets.sync],
    })
    this.#deleted = new Counter({
      ...common,
      name: 'kubeproxy_conntrack_reconciler_deleted_entries_total',
      help: 'Flows of UDP that led to no endpoint of their Service any more, and were forgotten.',
    })
    this.#failures = new Counter({
      ...common,
      name: 'portolan_flow_cleanup_failures_total',
      help: 'Passes through the flows of UDP that failed; each is tried again.',
    })
  }

  begin(family: IpFamily): void {
    const labels = { ip_family: family }
    this.#duration.zero(labels)
    this.#deleted.inc(labels, 0)
    this.#failures.inc(labels, 0)
  }

  onFlowsForgotten({ family, deleted, took }: FlowsForgotten): void {
    this.#duration.observe({ ip_family: family }, took / 1000)
    this.#deleted.inc({ ip_family: family }, deleted)
  }

  onFlowsFailed({ family, took }: FlowsFailed): void {
    this.#duration.observe({ ip_family: family }, took / 1000)
    this.#failures.inc({ ip_family: family })
  }
}
