import { median } from '../measure/quantiles.ts'
import type { AppliedEvents } from '../proxy/event-trace.ts'
import { insideOf, type StageScenario } from './node-scenario.ts'
import { takeTraced } from './traced.ts'
import { recordUsage } from './usage.ts'

/** Long enough that a stall of a tenth of a second isn't taken for a rate that is too high. */
const seconds = { quick: 3, thorough: 20 }

/** Endpoints change at a steady rate, whether the subject keeps up or not. */
export function churn(perSecond: number): StageScenario {
  const name = `churn-${perSecond}`
  return {
    kind: 'stage',
    name,
    meaning: `${perSecond.toLocaleString('en')} endpoints a second are replaced, one at a time, all over the cluster.`,
    fromOutside: false,
    async play(stage) {
      const { server, subject, effort, record } = stage
      const inside = insideOf(stage)
      await inside.quiet(true)
      await inside.eventLoopDelays()
      const since = await subject.usage()
      const sent = await server.call('churn', perSecond, seconds[effort])
      const applies = await takeTraced(inside, sent.length)
      await recordUsage(stage, name, { since, changes: sent.length })
      record(name, 'eventLoopDelay', await inside.eventLoopDelays())
      await inside.quiet(false)

      const lags = lagsOf(sent, applies)
      const quarter = Math.floor(lags.length / 4)
      const [first = 0, lastSent = 0, last = 0] = [sent[0], sent.at(-1), applies.at(-1)?.applied]
      record(name, 'lag', lags)
      record(name, 'lagGrowth', median(lags.slice(3 * quarter)) - median(lags.slice(quarter, 2 * quarter)))
      record(name, 'changesOffered', ((sent.length - 1) * 1000) / (lastSent - first))
      record(name, 'changesPerSecond', (lags.length * 1000) / (last - first))
      record(
        name,
        'operations',
        applies.map(({ operations }) => operations),
      )
      record(
        name,
        'bytesToKernel',
        applies.map(({ bytes }) => bytes),
      )
    },
  }
}

/** Of each change, from its writing to its commit. Events of one kind come in the order in which they were written. */
export function lagsOf(sent: readonly number[], applies: readonly AppliedEvents[]): number[] {
  let next = 0
  return applies.flatMap(({ received, applied }) => received.map(() => applied - (sent[next++] ?? applied)))
}
