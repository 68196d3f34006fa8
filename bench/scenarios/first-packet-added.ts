import { addedProbeService, probePod, probePort } from '../cluster/probe-services.ts'
import { recordFirstPacket, repeatWithin } from './first-packet.ts'
import type { StageScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

export const firstPacketAdded: StageScenario = {
  kind: 'stage',
  name: 'first-packet-added',
  meaning: 'A Service is added with its endpoint; a pod on the node connects to its address all the time.',
  fromOutside: true,
  async play(stage) {
    const { server, subject, effort } = stage
    const { name } = firstPacketAdded
    const since = await subject.usage()
    const count = await repeatWithin(effort, async (number) => {
      const to = { address: addedProbeService(number).clusterIP, port: probePort }
      const add = () => server.call('addProbe', number)
      const events = await recordFirstPacket(stage, name, to, probePod, add)
      await subject.inside?.eventsApplied(events)
    })
    await recordUsage(stage, name, { since, changes: count })
    for (let number = 0; number < count; number++) {
      const { events } = await server.call('removeProbe', number)
      await subject.inside?.eventsApplied(events)
    }
    subject.inside?.takeApplied()
  },
}
