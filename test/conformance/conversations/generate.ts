import type { Client } from '../matrix-case.ts'
import type { Random } from '../random.ts'
import {
  type Conversation,
  type Destination,
  type Direct,
  describeDestination,
  type Frontend,
  isOfService,
  isSamePort,
  type Listener,
  type LocalPort,
  type Script,
  type Step,
} from './conversation.ts'
import { closedPort, endpointPort, fixedPorts, frontendsOf, listeners, serviceNames } from './services.ts'

/** What a generator has to know of the dataplane, so that it asks for nothing that is declared to be missing. */
export interface Limits {
  readonly protocols: readonly ('TCP' | 'UDP')[]
  /** Whether a client may go from one port to a Service and to its endpoint. */
  readonly sharesPorts: boolean
  /** Whether pods and the node may do so at the same time. */
  readonly sharesPortsAtOnce: boolean
  /** Whether the node's own clients may use ports of Services. */
  readonly usesServicePorts: boolean
  /** Whether the node may say more to a Service than fits into a packet, over UDP. */
  readonly fragmentsOfNode: boolean
  /** Whether this is a thing to say to a Service. */
  asks(from: Client, to: Frontend, protocol: 'TCP' | 'UDP'): boolean
}

const clients: readonly [Client, ...Client[]] = ['pod', 'node', 'outside', 'endpoint', 'remotePod']

/** Ports that one client uses again and again. */
const ports = [0, 1, 2] as const

/** Bytes: small, about an Ethernet frame, and in fragments. */
const sizes = [0, 20, 300, 1380, 1500, 3000, 9000, 30_000] as const

/** A conversation and its steps, before they are interleaved with others. */
interface Drawn {
  readonly conversation: Conversation
  readonly steps: readonly Step[]
}

/** So many random conversations, interleaved. The same random numbers give the same script. */
export function generateScript(random: Random, count: number, limits: Limits): Script {
  const drawn = Array.from({ length: count }, (_, id) => drawConversation(random, id, limits))
  return interleave(random, drawn, limits)
}

function drawConversation(random: Random, id: number, limits: Limits): Drawn {
  const from = random.pick(clients)
  const kind = random.next()
  if (kind < 0.07 || limits.protocols.length === 0) return drawPings(random, id, from)
  const [first = 'TCP', ...others] = limits.protocols
  const protocol = random.pick([first, ...others])
  if (kind < 0.2 && (from !== 'node' || limits.usesServicePorts))
    return drawFromServicePort(random, id, from, protocol)
  const isConnected = protocol === 'TCP' || random.chance(0.5)
  const port: LocalPort = limits.sharesPorts ? { slot: random.pick(ports) } : { slot: id % 8 }
  const anywhere = () => drawDestination(random, from, protocol, limits, isConnected)
  const to = isConnected ? anywhere() : undefined
  const conversation: Conversation = { id, from, protocol, port, ...(to === undefined ? {} : { to }) }
  // Without connections of their own on the way back, all that one socket says must be past Services or to one.
  const theOnly = limits.sharesPorts || isConnected ? undefined : anywhere()
  const says = Array.from({ length: 1 + random.below(4) }, (): Step => {
    const receiver = isConnected ? undefined : (theOnly ?? anywhere())
    const hurries = protocol === 'UDP' && sharesAtOnce(from, limits) && random.chance(0.2)
    const run = to ?? receiver
    const isWhole =
      protocol === 'UDP' &&
      from === 'node' &&
      !limits.fragmentsOfNode &&
      run !== undefined &&
      isOfService(run)
    const bytes = Math.min(random.pick(sizes), isWhole ? 1000 : 1e6)
    return {
      of: id,
      do: 'say',
      bytes,
      ...(receiver === undefined ? {} : { to: receiver }),
      // Two large datagrams at once may be more than a socket has room for.
      ...(hurries && bytes < 1500 ? { hurries } : {}),
    }
  })
  return { conversation, steps: [{ of: id, do: 'open' }, ...says, drawEnd(random, id, conversation, limits)] }
}

function drawEnd(random: Random, id: number, { from, protocol, to }: Conversation, limits: Limits): Step {
  // A connection that was closed in order still has its addresses and ports for a minute.
  const mayLinger = sharesAtOnce(from, limits) || to === undefined || !isOfService(to)
  const how = protocol === 'TCP' && random.chance(0.5) && mayLinger ? 'finish' : 'reset'
  return { of: id, do: 'end', how }
}

/** A program whose own port is the NodePort of a Service, or its port at an address of the node. */
function drawFromServicePort(random: Random, id: number, from: Client, protocol: 'TCP' | 'UDP'): Drawn {
  const [first = 0, ...others] = fixedPorts[from]
  const to = drawStranger(random, from)
  const conversation: Conversation = {
    id,
    from,
    protocol,
    port: { fixed: random.pick([first, ...others]) },
    to,
  }
  const says = Array.from(
    { length: 1 + random.below(3) },
    (): Step => ({ of: id, do: 'say', bytes: random.pick(sizes) }),
  )
  // Another one may need the port soon.
  return { conversation, steps: [{ of: id, do: 'open' }, ...says, { of: id, do: 'end', how: 'reset' }] }
}

function drawPings(random: Random, id: number, from: Client): Drawn {
  const to = drawStranger(random, from)
  const conversation: Conversation = { id, from, protocol: 'ICMP', port: { slot: 0 }, to }
  const steps = Array.from(
    { length: 1 + random.below(2) },
    (): Step => ({ of: id, do: 'ping', bytes: random.pick([0, 1400, 4000]) }),
  )
  return { conversation, steps }
}

function drawDestination(
  random: Random,
  from: Client,
  protocol: 'TCP' | 'UDP',
  limits: Limits,
  isConnected: boolean,
): Destination {
  if (random.chance(0.45)) {
    const [first, ...others] = serviceNames.flatMap((service) =>
      frontendsOf(service)
        .map((at) => ({ service, at }))
        .filter((to) => limits.asks(from, to, protocol)),
    )
    if (first !== undefined) return random.pick([first, ...others])
  }
  if (random.chance(0.6)) return { host: random.pick(['pod0', 'remote0']), port: endpointPort }
  // Of an unconnected socket the kernel tells no refusal.
  if (isConnected && random.chance(0.15)) return { ...drawStranger(random, from), port: closedPort }
  return drawStranger(random, from)
}

function drawStranger(random: Random, from: Client): Direct {
  const all = (Object.entries(listeners) as [Listener, readonly number[]][]).flatMap(([host, open]) =>
    open
      // An endpoint's port is drawn where conversations through Services are watched.
      .filter((port) => port !== endpointPort || (host !== 'pod0' && host !== 'remote0'))
      .map((port): Direct => ({ host, port })),
  )
  const others = all.filter(({ host }) => host !== (from === 'endpoint' ? 'pod0' : from))
  const [first, ...rest] = others
  if (first === undefined) throw new RangeError('no peer to speak with')
  return random.pick([first, ...rest])
}

/** Begins and goes on with conversations in random order, but for those that must wait until another one is over. */
function interleave(random: Random, drawn: readonly Drawn[], limits: Limits): Script {
  const waiting = [...drawn]
  const running: { conversation: Conversation; left: Step[] }[] = []
  const begun: Conversation[] = []
  const steps: Step[] = []
  while (waiting.length > 0 || running.length > 0) {
    const next = waiting.find(({ conversation }) =>
      running.every((one) => mayMeet(one.conversation, conversation, limits)),
    )
    if (next !== undefined && (running.length === 0 || random.chance(0.35))) {
      waiting.splice(waiting.indexOf(next), 1)
      begun.push(next.conversation)
      running.push({ conversation: next.conversation, left: [...next.steps] })
    }
    const one = running[random.below(running.length)]
    const step = one?.left.shift()
    if (one === undefined || step === undefined) continue
    steps.push(step)
    if (one.left.length === 0) running.splice(running.indexOf(one), 1)
  }
  return { conversations: begun, steps }
}

/** Whether two conversations may go on at the same time. */
export function mayMeet(one: Conversation, other: Conversation, limits: Limits): boolean {
  if (one.protocol === 'ICMP' || other.protocol === 'ICMP' || !isSamePort(one, other)) return true
  // The kernel gives what comes to a port to one of its unconnected sockets, and one peer can be connected to once.
  if (one.to === undefined || other.to === undefined) return false
  if (describeDestination(one.to) === describeDestination(other.to)) return false
  return sharesAtOnce(one.from, limits) || (!isOfService(one.to) && !isOfService(other.to))
}

function sharesAtOnce(from: Client, { sharesPorts, sharesPortsAtOnce }: Limits): boolean {
  const isOnNode = from === 'pod' || from === 'endpoint' || from === 'node'
  return sharesPorts && (sharesPortsAtOnce || !isOnNode)
}
