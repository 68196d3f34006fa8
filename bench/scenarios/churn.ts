import { median } from '../measure/quantiles.ts'
import type { AppliedEvents } from '../proxy/event-trace.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'
import { takeTraced } from './traced.ts'
import { recordUsage } from './usage.ts'

/** Long enough that a stall of a tenth of a second isn't taken for a rate that is too high. */
const seconds = { quick: 3, thorough: 20 }

/** Endpoints change at a steady rate, whether the proxy keeps up or not. */
export function churn(perSecond: number): NodeScenario {
  const name = `churn-${perSecond}`
  return {
    kind: 'node',
    name,
    meaning: `${perSecond.toLocaleString('en')} endpoints a second are replaced, one at a time, all over the cluster.`,
    fromOutside: false,
    async play(fixture) {
      const { server, proxy, effort, record } = fixture
      const inside = internalsOf(fixture)
      await inside.quiet(true)
      await inside.eventLoopDelays()
      const since = await proxy.usage()
      const sent = await server.call('churn', perSecond, seconds[effort])
      const applies = await takeTraced(inside, sent.length)
      await recordUsage(fixture, name, { since, changes: sent.length })
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
