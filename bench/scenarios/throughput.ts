import { podAddress } from '@portolan/lab'
import { flowPort, nodePortService } from '../cluster/data-path-services.ts'
import { measureFlow, startFlowSink } from '../measure/tcp-flow.ts'
import { coldStart } from './cold-start.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'

/** Pairs of flows, and how long each flow is. The first pair warms up. */
const efforts = { quick: { pairs: 2, flowMs: 500 }, thorough: { pairs: 11, flowMs: 2_000 } }

/** In turns, because a shared machine's speed changes with time: look at the ratio of the two medians. */
export const throughput: NodeScenario = {
  kind: 'node',
  name: 'throughput',
  meaning:
    "One TCP flow from outside to a pod: by the pod's address without a proxy, and through a NodePort.",
  fromOutside: false,
  async play(fixture) {
    const { lab, server, proxy, effort, record } = fixture
    const [pod] = lab.pods
    if (pod === undefined) throw new Error('the lab has no pod')
    const { pairs, flowMs } = efforts[effort]
    const podIP = podAddress('IPv4', 0)
    await using _ = startFlowSink(pod, flowPort)
    const { events } = await server.call('write', { write: nodePortService.objects(podIP) })
    await internalsOf(fixture).eventsApplied(events)
    const nodePort = { address: lab.node.addresses.IPv4[0] ?? '', port: nodePortService.nodePort }
    for (let pair = 0; pair <= pairs; pair++) {
      await proxy.stop('go')
      const bare = await measureFlow(lab.outside, { address: podIP, port: flowPort }, flowMs)
      await coldStart.play({ ...fixture, record: () => {} })
      const served = await measureFlow(lab.outside, nodePort, flowMs)
      if (pair === 0) continue
      record(throughput.name, 'throughputBare', bare)
      record(throughput.name, 'throughputNodePort', served)
    }
    const removed = await server.call('write', { remove: nodePortService.objects(podIP) })
    await internalsOf(fixture).eventsApplied(removed.events)
    internalsOf(fixture).takeApplied()
  },
}
