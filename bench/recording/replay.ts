import type { Replayed, Written } from '../cluster/api-server.ts'
import type { ClusterChange } from '../cluster/cluster-change.ts'
import { monotonic } from '../measure/clock.ts'
import type { RecordedCluster } from './recorded-cluster.ts'

/** Milliseconds after which requests have their turn, where events are due faster than they can be written. */
const maxTurnMs = 5

/**
 * Writes a recording's events when they are due, so many times as fast as they happened.
 *
 * @param write writes to the API server, and tells how many events of it are traced
 */
export async function replay(
  cluster: RecordedCluster,
  speed: number,
  write: (change: ClusterChange) => Written,
): Promise<Replayed> {
  const begun = monotonic()
  let turn = begun
  let events = 0
  let traced = 0
  for await (const event of cluster.events()) {
    const early = begun + (event.at * 1000) / speed - monotonic()
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    else if (monotonic() - turn > maxTurnMs) await new Promise(setImmediate)
    turn = monotonic()
    const change = 'write' in event ? { write: [event.write] } : { remove: [event.remove] }
    traced += write(change).events
    events += 1
  }
  return { events, traced, seconds: (monotonic() - begun) / 1000, warnings: cluster.warnings }
}
