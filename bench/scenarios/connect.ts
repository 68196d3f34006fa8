import { remotePodAddress } from '@portolan/lab'
import { type ProbeName, probePod, probePort, probeTargetPort } from '../cluster/probe-services.ts'
import { measureConnects } from '../measure/connect-cost.ts'
import type { MetricName } from '../metrics.ts'
import type { NodeScenario } from './node-scenario.ts'

const rounds = { quick: 4, thorough: 20 }
/** Well below what a server's queue of new connections holds. */
const connectsAtOnce = 250
const pauseMs = 30

function destinations(
  probes: Readonly<Record<ProbeName, string>>,
): readonly (readonly [MetricName, { readonly address: string; readonly port: number }])[] {
  return [
    ['connectNone', { address: remotePodAddress('IPv4', probePod), port: probeTargetPort }],
    ['connectFirst', { address: probes.first, port: probePort }],
    ['connectMiddle', { address: probes.middle, port: probePort }],
    ['connectLast', { address: probes.last, port: probePort }],
  ]
}

export const connectCost: NodeScenario = {
  kind: 'node',
  name: 'connect',
  meaning: 'A pod connects to the first, the middle and the last Service, and past all of them.',
  fromOutside: true,
  async play({ lab, effort, record, address }) {
    const [pod] = lab.pods
    if (pod === undefined) throw new Error('the lab has no pod')
    // In turns, because a shared machine's speed changes with time.
    for (let round = 0; round < rounds[effort]; round++) {
      for (const [metric, to] of destinations(address.probes)) {
        record(connectCost.name, metric, measureConnects(pod.networkNamespace, to, connectsAtOnce))
        // The server takes its connections meanwhile.
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  },
}
