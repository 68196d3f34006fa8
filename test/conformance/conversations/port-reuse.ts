import type { IpFamily } from '@portolan/core'
import type { Host } from '@portolan/lab'
import type { Client } from '../matrix-case.ts'
import type { Destination, Direct, Frontend } from './conversation.ts'
import type { Limits } from './generate.ts'
import { endpointPort } from './services.ts'
import type { TwinLabs } from './twin-labs.ts'
import { hostOf, listenerOfClient } from './world.ts'

const clients: readonly Client[] = ['pod', 'outside', 'node']

/** Ways to the endpoint `pod0`. */
const frontends: readonly Frontend[] = [
  { service: 'near', at: 'ClusterIP' },
  { service: 'near', at: 'NodePort' },
  { service: 'bothLocal', at: 'LoadBalancer' },
]
const endpoint: Direct = { host: 'pod0', port: endpointPort }

/** At the same time. */
const batch = 40

export interface PortReuse {
  readonly labs: TwinLabs
  readonly family: IpFamily
  readonly protocol: 'TCP' | 'UDP'
  /** Through Services. */
  readonly connections: number
  readonly limits: Limits
  readonly answerMs: number
}

/**
 * Many connections through Services, then some to the endpoint directly, all from ports that the kernel
 * chooses among few, so that every one is used again and again.
 *
 * @returns what was wrong with those of the first client that had trouble, in sentences
 */
export async function reusePorts(given: PortReuse): Promise<string[]> {
  const { labs, protocol, connections, limits } = given
  const share = Math.ceil(connections / clients.length)
  for (const from of clients) {
    const run = frontends.filter((to) => limits.asks(from, to, protocol))
    if (run.length === 0) continue
    const host = hostOf(labs.testbed.lab, listenerOfClient(from))
    // A closed connection has its port for a minute; there is room for all of those, and few more.
    const before = await chooseAmong(host, Math.max(2 * batch, Math.ceil(connections / 4)))
    try {
      const asked = Array.from({ length: share }, (_, index) => run[index % run.length] as Frontend)
      const lost = await ask(given, from, asked)
      if (lost.length > 0) return [`${from}: ${lost.length} of ${share} through Services: ${lost[0]}`]
      const direct = Array.from({ length: Math.max(20, Math.ceil(share / 4)) }, () => endpoint)
      const lostDirectly = await ask(given, from, direct)
      const after = `direct ones after ${share} through Services`
      if (lostDirectly.length > 0)
        return [`${from}: ${lostDirectly.length} of ${direct.length} ${after}: ${lostDirectly[0]}`]
    } finally {
      await writeRange(host, before)
    }
  }
  return []
}

/** @returns for each that was not answered as is due, how it ended; after a batch with such there is no other */
async function ask(given: PortReuse, from: Client, peers: readonly Destination[]): Promise<string[]> {
  const lost: string[] = []
  for (let first = 0; first < peers.length && lost.length === 0; first += batch) {
    const outcomes = await Promise.all(
      peers.slice(first, first + batch).map((to, index) => askOnce(given, from, to, first + index)),
    )
    lost.push(...outcomes.filter((outcome) => outcome !== undefined))
  }
  return lost
}

let tags = 0

async function askOnce(
  { labs, family, protocol, answerMs: timeoutMs }: PortReuse,
  from: Client,
  to: Destination,
  index: number,
): Promise<string | undefined> {
  const world = labs.world(family)
  const { address, port } = world.addressOf(to)
  const socket = await hostOf(labs.testbed.lab, listenerOfClient(from)).openSocket({
    protocol,
    port: 0,
    to: { address, port },
    timeoutMs,
    ...(from === 'node' ? {} : { address: world.origin(from).address }),
  })
  if (typeof socket === 'string') return `${address} port ${port}: ${socket}`
  if (socket.synsSentAgain > 0) {
    await socket.end('reset')
    return `${address} port ${port}: its SYN was lost`
  }
  const tag = `reuse ${family} ${tags++}`
  const heard = await socket.say({ tag, bytes: 0, awaits: true, timeoutMs })
  await socket.end(index % 4 === 0 ? 'finish' : 'reset')
  const [answer] = heard
  const isRight =
    heard.length === 1 &&
    answer?.what === 'message' &&
    answer.tag === tag &&
    answer.from.address === address &&
    answer.from.port === port
  return isRight ? undefined : `${address} port ${port}: ${JSON.stringify(heard)}`
}

const rangeFile = '/proc/sys/net/ipv4/ip_local_port_range'

/** @returns what there was before */
async function chooseAmong(host: Host, count: number): Promise<string> {
  const { stdout } = await host.exec('cat', [rangeFile])
  await writeRange(host, `40000 ${40_000 + count - 1}`)
  return String(stdout)
}

async function writeRange(host: Host, range: string): Promise<void> {
  await host.exec('tee', [rangeFile], { input: range })
}
