import { watchConnections } from './connection-loss.ts'
import type { NodeScenario } from './node-scenario.ts'
import { takeByProbes } from './traced.ts'
import { recordUsage } from './usage.ts'

/** Until what came over other watches than the last event's has arrived. */
const settleMs = 500

/** Only in a recorded cluster. */
export const replay: NodeScenario = {
  kind: 'node',
  name: 'replay',
  meaning: "A recording's changes are made again, one after the other, when they are due (--recording).",
  fromOutside: true,
  async play(fixture) {
    const { server, proxy, record, speed = 1 } = fixture
    const { name } = replay
    const { internals } = proxy
    await internals?.quiet(true)
    await internals?.eventLoopDelays()
    const { events, traced, seconds, warnings } = await watchConnections(fixture, name, async () => {
      const since = await proxy.usage()
      const replayed = await server.call('replay', speed)
      await new Promise((resolve) => setTimeout(resolve, settleMs))
      await recordUsage(fixture, name, { since, changes: Math.max(1, replayed.events) })
      return replayed
    })
    for (const warning of warnings) fixture.warn(warning)
    record(name, 'changesPerSecond', events / seconds)
    if (internals === undefined) return
    const applies = await takeByProbes(internals, (pod) => server.call('pointProbe', 'middle', pod), traced)
    record(name, 'eventLoopDelay', await internals.eventLoopDelays())
    await internals.quiet(false)
    const changes = applies.filter(({ why }) => why === 'change')
    for (const one of changes) {
      record(name, 'eventToCommit', one.applied - one.changeReceived)
      record(name, 'computeAndApply', one.applied - one.begun)
      record(name, 'operations', one.operations)
      record(name, 'bytesToKernel', one.bytes)
    }
  },
}
