import { probePod } from '../cluster/probe-services.ts'
import type { AppliedEvents } from '../subject/event-trace.ts'
import { watchConnections } from './connection-loss.ts'
import type { StageScenario } from './stage.ts'
import { takeTraced } from './traced.ts'
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
    const stopWatching = await watchConnections(stage)
    const since = await subject.usage()
    const { events, traced, seconds } = await server.call('replay', speed)
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    await recordUsage(stage, name, { since, changes: Math.max(1, events) })
    await stopWatching(name)
    record(name, 'changesPerSecond', events / seconds)
    if (inside === undefined) return
    // Not every event changes the routing table, and an apply brings all that came before: these two are sure to change
    // it, one by one. Both at once would change nothing.
    const applies: AppliedEvents[] = []
    for (const [pod, before] of [
      [probePod + 1, traced],
      [probePod, 0],
    ] as const) {
      const written = await server.call('pointProbe', 'middle', pod)
      applies.push(...(await takeTraced(inside, before + written.events)))
    }
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
