import { addedProbeService, probePod, probePort } from '../cluster/probe-services.ts'
import { recordFirstPacket, repeatWithin } from './first-packet.ts'
import type { NodeScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

export const firstPacketAdded: NodeScenario = {
  kind: 'node',
  name: 'first-packet-added',
  meaning: 'A Service is added with its endpoint; a pod on the node connects to its address all the time.',
  fromOutside: true,
  async play(fixture) {
    const { server, proxy, effort } = fixture
    const { name } = firstPacketAdded
    const since = await proxy.usage()
    const count = await repeatWithin(effort, async (number) => {
      const to = { address: addedProbeService(number).clusterIP, port: probePort }
      const add = () => server.call('addProbe', number)
      const { events } = await recordFirstPacket(fixture, name, to, probePod, add)
      await proxy.internals?.eventsApplied(events)
    })
    await recordUsage(fixture, name, { since, changes: count })
    for (let number = 0; number < count; number++) {
      const { events } = await server.call('removeProbe', number)
      await proxy.internals?.eventsApplied(events)
    }
    proxy.internals?.takeApplied()
  },
}
