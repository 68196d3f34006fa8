import { remotePodAddress } from '@portolan/lab'
import { GeneratedCluster, type GeneratedService, sliceObjects } from '../cluster/generated-cluster.ts'
import { probePod, probeTargetPort } from '../cluster/probe-services.ts'
import { measureConnects } from '../measure/connect-cost.ts'
import { firstPacketAt } from '../measure/first-packet.ts'
import { median } from '../measure/quantiles.ts'
import type { NodeScenario } from './node-scenario.ts'

const sampled = 32
const connects = { quick: 100, thorough: 500 }
const timeoutMs = 10 * 60_000
/** The server takes its connections meanwhile. */
const pauseMs = 10

/** Finds the longest way through the rules, wherever in the order it is. `max` is the slowest of them. */
export const connectSampled: NodeScenario = {
  kind: 'node',
  name: 'connect-sampled',
  meaning: 'A pod connects to 32 Services all over the cluster; each is one sample.',
  fromOutside: true,
  async play({ lab, server, proxy, shape, effort, record }) {
    const [pod] = lab.pods
    if (pod === undefined) throw new Error('the lab has no pod')
    const services = sample(new GeneratedCluster(shape))
    const answering = await server.call('write', { write: services.flatMap(answeringSlices) })
    await proxy.internals?.eventsApplied(answering.events)
    const expected = { address: remotePodAddress('IPv4', probePod), port: probeTargetPort }
    for (const { clusterIP: address, port } of services) {
      const to = { address, port }
      await firstPacketAt(pod, { to, expected, timeoutMs, ended: proxy.ended })
      record(
        connectSampled.name,
        'connectSampled',
        median(measureConnects(pod.networkNamespace, to, connects[effort])),
      )
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    const { events } = await server.call('write', { write: services.flatMap(sliceObjects) })
    await proxy.internals?.eventsApplied(events)
    proxy.internals?.takeApplied()
  },
}

/** Evenly spread, the first and the last among them. */
function sample(cluster: GeneratedCluster): GeneratedService[] {
  const last = cluster.shape.services - 1
  const numbers = Array.from({ length: sampled }, (_, at) => Math.floor((at * last) / (sampled - 1)))
  return [...new Set(numbers)].map((number) => cluster.service(number))
}

/** The Service's slices with one endpoint in all, which answers: generated ones lead nowhere. */
function answeringSlices(service: GeneratedService) {
  const endpoint = { addresses: [remotePodAddress('IPv4', probePod)], conditions: { ready: true } }
  return sliceObjects(service).map((slice, number) => ({
    ...slice,
    endpoints: number === 0 ? [endpoint] : [],
  }))
}
