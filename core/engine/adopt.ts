import type { Dataplane } from '../dataplane/contract.ts'
import type { LiveTable } from './live-table.ts'

/**
 * Takes over what a predecessor left in the kernel, before anything is applied: sets that nothing else is known of, and the
 * order of endpoints. What is left for `reconcile` is then what really has to change.
 *
 * @param drain brings the table up to date
 */
export function adoptObserved(
  dataplane: Dataplane,
  observed: unknown,
  live: Omit<LiveTable, 'drain'>,
  drain: () => void,
): void {
  drain()
  live.adoptSets(
    () => dataplane.observedSets?.(observed, live.table) ?? { nodePortAddresses: [], serviceCidrs: [] },
  )
  drain()
  if (dataplane.endpointOrder === undefined) return
  live.adoptOrder((route, scope) => dataplane.endpointOrder?.(observed, route, scope))
}
