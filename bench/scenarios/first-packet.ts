import { remotePodAddress } from '@portolan/lab'
import type { Written } from '../cluster/api-server.ts'
import { probePod, probePort, probeTargetPort } from '../cluster/probe-services.ts'
import { monotonic } from '../measure/clock.ts'
import { type Destination, firstPacketAt } from '../measure/first-packet.ts'
import { watchConnections } from './connection-loss.ts'
import type { Effort, NodeFixture, NodeScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

/** Changes, and the time after which no more are begun: a program that needs a second for each is known after four. */
const changes = {
  quick: { min: 4, max: 20, budgetMs: 1_500 },
  thorough: { min: 10, max: 200, budgetMs: 60_000 },
}
const timeoutMs = 10 * 60_000

/** Measured on the data path alone, so it makes no assumption about how the proxy works. */
export const firstPacket: NodeScenario = {
  kind: 'node',
  name: 'first-packet',
  meaning: "A Service's only endpoint is replaced; a pod on the node connects all the time.",
  fromOutside: true,
  async play(fixture) {
    const { proxy, effort } = fixture
    const { name } = firstPacket
    const work = async () => {
      const since = await proxy.usage()
      const swaps = await repeatWithin(effort, (turn) =>
        swapAndFollow(fixture, name, probePod + 1 + (turn % 2)),
      )
      await recordUsage(fixture, name, { since, changes: swaps })
      await swapAndFollow(fixture, name, probePod)
    }
    await watchConnections(fixture, name, work, 'middle')
  },
}

/** Repeats a change as often as the time allows; returns how often. */
export async function repeatWithin(effort: Effort, change: (turn: number) => Promise<void>): Promise<number> {
  const { min, max, budgetMs } = changes[effort]
  const begun = monotonic()
  let turn = 0
  while (turn < max && (turn < min || monotonic() - begun < budgetMs)) await change(turn++)
  return turn
}

/** The same as `swapEndpoint`, until the proxy is done with it; records the way from its first byte there as well. */
export async function swapAndFollow(fixture: NodeFixture, scenario: string, next: number): Promise<void> {
  const { internals } = fixture.proxy
  const { events, reachedAt } = await swapEndpoint(fixture, scenario, next)
  if (internals === undefined) return
  await internals.eventsApplied(events)
  const [received] = internals.takeApplied().flatMap((one) => one.received)
  if (received !== undefined) fixture.record(scenario, 'receivedToFirstPacket', reachedAt - received)
}

/** What came of a write: how many of its events are traced, and when its first connection was made, by `monotonic`. */
export interface Reached {
  readonly events: number
  readonly reachedAt: number
}

/** Makes a pod of the remote node the only endpoint of the probe Service in the middle. */
export async function swapEndpoint(fixture: NodeFixture, scenario: string, next: number): Promise<Reached> {
  const { server, address } = fixture
  const to = { address: address.probes.middle, port: probePort }
  return await recordFirstPacket(fixture, scenario, to, next, () => server.call('pointProbe', 'middle', next))
}

/** From a write at the API server to the first connection that reaches a pod of the remote node. */
export async function recordFirstPacket(
  { lab, record, proxy }: NodeFixture,
  scenario: string,
  to: Destination,
  remotePod: number,
  write: () => Promise<Written>,
): Promise<Reached> {
  const [pod] = lab.pods
  if (pod === undefined) throw new Error('the lab has no pod')
  const expected = { address: remotePodAddress('IPv4', remotePod), port: probeTargetPort }
  const written = write()
  // What was never written is not looked for.
  const ended = written.then(() => proxy.ended)
  const [{ sentAt, events }, reachedAt] = await Promise.all([
    written,
    firstPacketAt(pod, { to, expected, timeoutMs, ended }),
  ])
  record(scenario, 'eventToFirstPacket', reachedAt - sentAt)
  return { events, reachedAt }
}
