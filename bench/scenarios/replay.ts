import { watchConnections } from './connection-loss.ts'
import type { StageScenario } from './node-scenario.ts'
import { takeByProbes } from './traced.ts'
import { recordUsage } from './usage.ts'

/** Until what came over other watches than the last event's has arrived. */
const settleMs = 500

/** Only in a recorded cluster. */
export const replay: StageScenario = {
  kind: 'stage',
  name: 'replay',
  meaning: "A recording's changes are made again, one after the other, when they are due (--recording).",
  fromOutside: true,
  async play(stage) {
    const { server, subject, record, speed = 1 } = stage
    const { name } = replay
    const { inside } = subject
    await inside?.quiet(true)
    await inside?.eventLoopDelays()
    const { events, traced, seconds, warnings } = await watchConnections(stage, name, async () => {
      const since = await subject.usage()
      const replayed = await server.call('replay', speed)
      await new Promise((resolve) => setTimeout(resolve, settleMs))
      await recordUsage(stage, name, { since, changes: Math.max(1, replayed.events) })
      return replayed
    })
    for (const warning of warnings) stage.warn(warning)
    record(name, 'changesPerSecond', events / seconds)
    if (inside === undefined) return
    const applies = await takeByProbes(inside, (pod) => server.call('pointProbe', 'middle', pod), traced)
    record(name, 'eventLoopDelay', await inside.eventLoopDelays())
    await inside.quiet(false)
    const changes = applies.filter(({ why }) => why === 'change')
    for (const one of changes) {
      record(name, 'eventToCommit', one.applied - one.changeReceived)
      record(name, 'computeAndApply', one.applied - one.begun)
      record(name, 'operations', one.operations)
      record(name, 'bytesToKernel', one.bytes)
    }
  },
}
