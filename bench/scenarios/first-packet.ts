import { now, remotePodAddress } from '@portolan/lab'
import type { Written } from '../cluster/api-server.ts'
import { probePod, probePort, probeServices, probeTargetPort } from '../cluster/probe-services.ts'
import { monotonic } from '../measure/clock.ts'
import { watchConnections } from './connection-loss.ts'
import type { Stage, StageScenario } from './stage.ts'
import { recordUsage } from './usage.ts'

const swaps = { quick: 20, thorough: 200 }
const timeoutMs = 10 * 60_000

/** Measured on the data path alone, so it makes no assumption about how the subject works. */
export const firstPacket: StageScenario = {
  kind: 'stage',
  name: 'first-packet',
  meaning: "A Service's only endpoint is replaced; a pod on the node connects all the time.",
  fromOutside: true,
  async play(stage) {
    const { subject, effort } = stage
    const stopWatching = await watchConnections(stage, 'middle')
    const since = await subject.usage()
    for (let swap = 0; swap < swaps[effort]; swap++) {
      const events = await swapEndpoint(stage, firstPacket.name, probePod + 1 + (swap % 2))
      await subject.inside?.eventsApplied(events)
    }
    await recordUsage(stage, firstPacket.name, { since, changes: swaps[effort] })
    await subject.inside?.eventsApplied(await swapEndpoint(stage, firstPacket.name, probePod))
    await stopWatching(firstPacket.name)
    subject.inside?.takeApplied()
  },
}

/** Makes a pod of the remote node the only endpoint of the probe Service in the middle; returns the number of events. */
export async function swapEndpoint(stage: Stage, scenario: string, next: number): Promise<number> {
  const { server } = stage
  const to = { address: probeServices.middle.clusterIP, port: probePort }
  return await recordFirstPacket(stage, scenario, to, next, () => server.call('pointProbe', 'middle', next))
}

/** From a write at the API server to the first connection that reaches a pod of the remote node. */
export async function recordFirstPacket(
  { lab, record }: Stage,
  scenario: string,
  to: { readonly address: string; readonly port: number },
  remotePod: number,
  write: () => Promise<Written>,
): Promise<number> {
  const [pod] = lab.pods
  if (pod === undefined) throw new Error('the lab has no pod')
  const fromLab = monotonic() - now()
  const expected = { address: remotePodAddress('IPv4', remotePod), port: probeTargetPort }
  const reached = pod.firstPacketAt({ to, expected, timeoutMs })
  const { sentAt, events } = await write()
  const { at } = await reached
  record(scenario, 'eventToFirstPacket', at + fromLab - sentAt)
  return events
}
