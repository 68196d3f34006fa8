import { network, remotePodAddress } from '@portolan/lab'
import { udpService } from '../cluster/data-path-services.ts'
import { probePod } from '../cluster/probe-services.ts'
import { measureUdpConnects } from '../measure/connect-cost.ts'
import { coldStart } from './cold-start.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'

const connects = { quick: 5_000, thorough: 200_000 }

/** No packet is sent, so no handshake hides what a program at connect(2) costs. */
export const nodeConnect: NodeScenario = {
  kind: 'node',
  name: 'node-connect',
  meaning:
    "The node's own UDP socket connects, which sends nothing: without a proxy, past all Services, and to one.",
  fromOutside: false,
  async play(fixture) {
    const { lab, server, proxy, effort, record } = fixture
    const measure = (address: string, port: number) =>
      measureUdpConnects(lab.node.networkNamespace, { address, port }, connects[effort])
    const past = [network.IPv4.node.uplink.replace(/\d+$/, '77'), 8080] as const
    const { events } = await server.call('write', {
      write: udpService.objects(remotePodAddress('IPv4', probePod)),
    })
    await internalsOf(fixture).eventsApplied(events)
    await proxy.stop('go')
    record(nodeConnect.name, 'udpConnectBare', measure(...past))
    await coldStart.play({ ...fixture, record: () => {} })
    record(nodeConnect.name, 'udpConnectNone', measure(...past))
    record(nodeConnect.name, 'udpConnectService', measure(udpService.clusterIP, udpService.port))
    const removed = await server.call('write', { remove: udpService.objects('') })
    await internalsOf(fixture).eventsApplied(removed.events)
    internalsOf(fixture).takeApplied()
  },
}
