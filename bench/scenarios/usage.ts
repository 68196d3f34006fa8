import type { ProcessUsage } from '../measure/process-usage.ts'
import type { NodeFixture } from './node-scenario.ts'

const nothing: ProcessUsage = { userMs: 0, systemMs: 0, childrenMs: 0, rssBytes: 0, peakRssBytes: 0 }

/**
 * Records what the proxy has used.
 * @param since what it had used before; absent: since its start
 * @param changes how many changes that was for
 */
export async function recordUsage(
  { proxy, record }: NodeFixture,
  scenario: string,
  { since = nothing, changes }: { readonly since?: ProcessUsage; readonly changes?: number } = {},
): Promise<void> {
  const now = await proxy.usage()
  const [user, system, children] = [
    now.userMs - since.userMs,
    now.systemMs - since.systemMs,
    now.childrenMs - since.childrenMs,
  ]
  const cpu = user + system + children
  record(scenario, 'cpu', cpu)
  record(scenario, 'cpuUser', user)
  record(scenario, 'cpuSystem', system)
  record(scenario, 'childCpu', children)
  if (changes !== undefined) record(scenario, 'cpuPerChange', cpu / changes)
  record(scenario, 'rssRetained', now.rssBytes)
  record(scenario, 'rssPeak', now.peakRssBytes)
}
