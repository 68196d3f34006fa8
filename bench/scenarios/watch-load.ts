import { startApiServer } from '../cluster/api-server.ts'
import { Watcher } from '../core-only/watcher.ts'
import type { CoreScenario } from './core-scenario.ts'

const watchers = 8
const changes = { quick: 100, thorough: 1000 }
const changesPerSecond = 100

/** A few nodes for real, so that docs/benchmarks.md can reckon what 5,000 would cost. */
export const watchLoad: CoreScenario = {
  kind: 'core',
  name: 'watch-load',
  meaning: 'What one node more costs the embedded API server, to list and for each event.',
  async play({ shape, effort, record }) {
    const server = startApiServer()
    try {
      const address = await server.call('load', { from: 'generated', shape })
      const seconds = changes[effort] / changesPerSecond
      const churn = async () => {
        const before = await server.call('cpuMs')
        const sent = await server.call('churn', changesPerSecond, seconds)
        // The last event is still on its way.
        await new Promise((resolve) => setTimeout(resolve, 200))
        return { events: sent.length, cpuMs: (await server.call('cpuMs')) - before }
      }
      const alone = await churn()
      const before = await server.call('cpuMs')
      const nodes = Array.from({ length: watchers }, () => new Watcher(address))
      try {
        await Promise.all(nodes.map(({ listed }) => listed))
        const listed = await server.call('cpuMs')
        record('watch-load', 'listCpuPerNode', (listed - before) / watchers)
        record(
          'watch-load',
          'listBytesPerNode',
          nodes.map(({ bytes }) => bytes),
        )
        const bytesBefore = nodes.map(({ bytes }) => bytes)
        const { events, cpuMs } = await churn()
        record('watch-load', 'eventCpuPerNode', ((cpuMs - alone.cpuMs) * 1000) / events / watchers)
        record(
          'watch-load',
          'eventBytesPerNode',
          nodes.map(({ bytes }, index) => (bytes - (bytesBefore[index] ?? 0)) / events),
        )
      } finally {
        for (const node of nodes) node.close()
      }
    } finally {
      await server.end()
    }
  },
}
