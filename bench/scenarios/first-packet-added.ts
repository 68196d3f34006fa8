import { addedProbeService, probePod, probePort } from '../cluster/probe-services.ts'
import { recordFirstPacket } from './first-packet.ts'
import type { StageScenario } from './stage.ts'
import { recordUsage } from './usage.ts'

const services = { quick: 20, thorough: 200 }

export const firstPacketAdded: StageScenario = {
  kind: 'stage',
  name: 'first-packet-added',
  meaning: 'A Service is added with its endpoint; a pod on the node connects to its address all the time.',
  fromOutside: true,
  async play(stage) {
    const { server, subject, effort } = stage
    const { name } = firstPacketAdded
    const count = services[effort]
    const since = await subject.usage()
    for (let number = 0; number < count; number++) {
      const to = { address: addedProbeService(number).clusterIP, port: probePort }
      const add = () => server.call('addProbe', number)
      const events = await recordFirstPacket(stage, name, to, probePod, add)
      await subject.inside?.eventsApplied(events)
    }
    await recordUsage(stage, name, { since, changes: count })
    for (let number = 0; number < count; number++) {
      const { events } = await server.call('removeProbe', number)
      await subject.inside?.eventsApplied(events)
    }
    subject.inside?.takeApplied()
  },
}
