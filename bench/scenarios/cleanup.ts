import { coldStart } from './cold-start.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

/** The proxy is started again after it, for the scenarios that follow. */
export const cleanup: NodeScenario = {
  kind: 'node',
  name: 'cleanup',
  meaning: 'The proxy stops, and everything that it made in the kernel is removed.',
  fromOutside: false,
  async play(fixture) {
    const { proxy, record } = fixture
    const since = await proxy.usage()
    record(cleanup.name, 'cleanup', await internalsOf(fixture).cleanUp())
    await recordUsage(fixture, cleanup.name, { since })
    await proxy.stop('go')
    await coldStart.play({ ...fixture, record: () => {} })
  },
}
