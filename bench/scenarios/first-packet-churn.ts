import { probePod } from '../cluster/probe-services.ts'
import { watchConnections } from './connection-loss.ts'
import { swapEndpoint } from './first-packet.ts'
import type { NodeScenario } from './node-scenario.ts'
import { takeTraced } from './traced.ts'
import { recordUsage } from './usage.ts'

/** About what a cluster of 5,000 nodes sees while a deployment is rolled out. */
const perSecond = 200
const seconds = { quick: 4, thorough: 30 }

/** Whether a program keeps up shows from outside, too: the first packet comes later and later if it doesn't. */
export const firstPacketChurn: NodeScenario = {
  kind: 'node',
  name: 'first-packet-churn',
  meaning: `The same as first-packet, while ${perSecond} other endpoints a second are replaced.`,
  fromOutside: true,
  async play(fixture) {
    const { server, proxy, effort } = fixture
    const { name } = firstPacketChurn
    await proxy.internals?.quiet(true)
    const work = async () => {
      const since = await proxy.usage()
      let underWay = true
      const churned = server.call('churn', perSecond, seconds[effort]).finally(() => {
        underWay = false
      })
      let events = 0
      let swaps = 0
      const swapped = async () => {
        while (underWay) events += (await swapEndpoint(fixture, name, probePod + 1 + (swaps++ % 2))).events
      }
      const [{ length }] = await Promise.all([churned, swapped()])
      events += (await swapEndpoint(fixture, name, probePod)).events
      await recordUsage(fixture, name, { since, changes: length + swaps + 1 })
      return length + events
    }
    const events = await watchConnections(fixture, name, work, 'middle')
    if (proxy.internals === undefined) return
    await takeTraced(proxy.internals, events)
    await proxy.internals.quiet(false)
  },
}
