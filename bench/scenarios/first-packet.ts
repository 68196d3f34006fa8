import { now, remotePodAddress } from '@portolan/lab'
import { probePod, probePort, probeServices, probeTargetPort } from '../cluster/probe-services.ts'
import { monotonic } from '../measure/clock.ts'
import type { StageScenario } from './stage.ts'

const swaps = { quick: 20, thorough: 200 }
const timeoutMs = 10 * 60_000

/** Measured on the data path alone, so it makes no assumption about how the subject works. */
export const firstPacket: StageScenario = {
  kind: 'stage',
  name: 'first-packet',
  meaning: "A Service's only endpoint is replaced; a pod on the node connects all the time.",
  fromOutside: true,
  async play({ lab, server, effort, record, subject }) {
    const [pod] = lab.pods
    if (pod === undefined) throw new Error('the lab has no pod')
    const fromLab = monotonic() - now()
    const to = { address: probeServices.middle.clusterIP, port: probePort }
    const count = swaps[effort]
    for (let swap = 0; swap <= count; swap++) {
      // At last back to the pod of before.
      const next = swap === count ? probePod : probePod + 1 + (swap % 2)
      const expected = { address: remotePodAddress('IPv4', next), port: probeTargetPort }
      const reached = pod.firstPacketAt({ to, expected, timeoutMs })
      const { sentAt, events } = await server.call('pointProbe', 'middle', next)
      const { at } = await reached
      await subject.inside?.eventsApplied(events)
      record(firstPacket.name, 'eventToFirstPacket', at + fromLab - sentAt)
    }
    subject.inside?.takeApplied()
  },
}
