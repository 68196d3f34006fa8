import type { Registry } from 'prom-client'
import type { RecordKind } from '../cluster/records.ts'
import { readMetric } from './read-metrics.ts'

/** What is read of a proxy when it is scraped. */
export interface MeasuredCluster {
  /** Problems of objects by kind and field: `Service spec.ports[].nodePort`, or `other`. */
  readonly problemCounts: ReadonlyMap<string, number>
  /** Events that a source has delivered. */
  readonly eventCounts: Readonly<Record<RecordKind, number>>
  /** What the next apply of each family will take in. */
  readonly pendingEvents: readonly Readonly<Record<'services' | 'slices', number>>[]
}

/** More kinds of mistake than there are fields would be a mistake of ours: the rest is `other` then. */
const maxFields = 200

/** What the cluster's state says and does. `measured`: absent before the proxy has started. */
export function addClusterMetrics(registry: Registry, measured: () => MeasuredCluster | undefined): void {
  addChanges(registry, measured)
  readMetric({
    registry,
    type: 'counter',
    name: 'portolan_object_problems_total',
    help: 'Objects, or values of them, that could not be used and were left out, by kind of object and field.',
    labels: ['kind', 'field'],
    read: () => problems(measured()?.problemCounts ?? new Map()),
  })
}

/**
 * kube-proxy's counts of changes (SEMANTICS 20). They have no `ip_family`, and kube-proxy counts there for both families
 * and has one reset what the other counted (SEMANTICS 13); ours count each event once, and the larger of two families.
 */
function addChanges(registry: Registry, measured: () => MeasuredCluster | undefined): void {
  const changes = [
    ['service', 'Service', 'services', 'Services'],
    ['endpoint', 'EndpointSlice', 'slices', 'EndpointSlices'],
  ] as const
  for (const [name, kind, pending, objects] of changes) {
    readMetric({
      registry,
      type: 'counter',
      name: `kubeproxy_sync_proxy_rules_${name}_changes_total`,
      help: `Events of ${objects}.`,
      labels: [],
      read: () => [[{}, measured()?.eventCounts[kind] ?? 0]],
    })
    readMetric({
      registry,
      type: 'gauge',
      name: `kubeproxy_sync_proxy_rules_${name}_changes_pending`,
      help: `Events of ${objects} that no sync has taken in yet.`,
      labels: [],
      read: () => [[{}, Math.max(0, ...(measured()?.pendingEvents.map((one) => one[pending]) ?? []))]],
    })
  }
}

function problems(
  counts: ReadonlyMap<string, number>,
): (readonly [{ readonly kind: string; readonly field: string }, number])[] {
  const shown = [...counts].slice(0, maxFields)
  const rest = [...counts].slice(maxFields).reduce((sum, [, count]) => sum + count, 0)
  const other = rest === 0 ? [] : [[{ kind: 'other', field: '' }, rest] as const]
  return [
    ...shown.map(([counted, count]) => {
      const space = counted.indexOf(' ')
      if (space < 0) return [{ kind: counted, field: '' }, count] as const
      return [{ kind: counted.slice(0, space), field: counted.slice(space + 1) }, count] as const
    }),
    ...other,
  ]
}
