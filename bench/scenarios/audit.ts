import { internalsOf, type NodeScenario } from './node-scenario.ts'

const times = { quick: { checks: 20, reads: 3 }, thorough: { checks: 200, reads: 20 } }

/** What a node pays while nothing changes: the engine checks for drift every second, and reads back where it has reason to. */
export const audit: NodeScenario = {
  kind: 'node',
  name: 'audit',
  meaning: 'Nothing changes: a check for drift, and the kernel read back and compared with the table.',
  fromOutside: false,
  async play(fixture) {
    const { proxy, effort, record } = fixture
    const { checkDrift, readBack } = internalsOf(fixture)
    const { checks, reads } = times[effort]
    for (const [metric, cpuMetric, count, act] of [
      ['driftCheck', 'driftCheckCpu', checks, checkDrift],
      ['readBack', 'readBackCpu', reads, readBack],
    ] as const) {
      const before = await proxy.usage()
      for (let turn = 0; turn < count; turn++) record(audit.name, metric, await act())
      const after = await proxy.usage()
      const used = [before, after].map(({ userMs, systemMs, childrenMs }) => userMs + systemMs + childrenMs)
      record(audit.name, cpuMetric, ((used[1] ?? 0) - (used[0] ?? 0)) / count)
    }
  },
}
