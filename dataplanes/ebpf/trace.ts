import {
  type Address,
  cidrContains,
  type Endpoint,
  type Evaluation,
  type Frontend,
  parseCidr,
  type RoutingTable,
  type ServiceRoute,
  type SourceClass,
  type TraceStep,
} from '@portolan/core'
import { rangeCidr } from './element-text.ts'
import {
  addressKey,
  allowedSourcesOf,
  frontendKeyOf,
  rangeKey,
  verdictByte,
  writeEndpoint,
} from './encode.ts'
import { bufferOf, bytesOf, type Held, type HeldService } from './held.ts'
import { heldSets } from './held-sets.ts'
import { sourceClassIndex, structs } from './layout.ts'
import { deviceElements } from './node-elements.ts'
import { frontendText } from './print.ts'

type Step = TraceStep<Held>

/** Where the programs meet a connection, by who asks. Clients outside have no sockets here. */
const hooks: Readonly<Record<SourceClass, string>> = {
  pod: "the pod's socket (connect, sendmsg) where its own address doesn't count; else tc ingress",
  node: "the node's socket (connect, sendmsg); else tc egress",
  outside: 'tc ingress',
}

/** The way of a packet: the map elements that decide, a line a step. */
export function trace(table: RoutingTable, evaluation: Evaluation): Step[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const where = step(hooks[sourceClass], attached)
  if (!('frontend' in evaluation)) {
    const otherPort = evaluation.because === 'otherPort'
    const map = otherPort ? 'map frontends: clusterIP' : 'map ranges: unallocated'
    const holds = otherPort ? holdsClusterIP : holdsRange
    return [where, step(`${map} ${packet.destination}: ${evaluation.verdict}`, holds(packet.destination))]
  }
  const { frontend, route } = evaluation
  const found = `map frontends: ${frontendText(frontend)}/${route.protocol} from ${sourceClass}`
  const holdsFound = [
    ...(frontend.address === undefined ? [holdsNodePortAddress(packet.destination)] : []),
    holdsFrontend(table, route, frontend, sourceClass),
  ]
  const blocked = evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
  const ranges = frontend.allowedSources?.join(', ') || 'no range at all'
  const allowed =
    frontend.allowedSources === undefined || blocked
      ? []
      : [step(`map ranges: ${packet.source} is in one of ${ranges}`, holdsRanges(route, frontend))]
  if (evaluation.verdict !== 'balance') {
    if (blocked) {
      const text = `map ranges: ${packet.source} is in none of ${ranges}: drop`
      return [
        where,
        step(found, ...holdsFound),
        step(text, holdsRanges(route, frontend), letsNotIn(packet.source, route, frontend)),
      ]
    }
    return [where, ...allowed, step(`${found}: ${evaluation.verdict}`, ...holdsFound)]
  }
  const { over, endpoints, masquerade } = evaluation
  const choice =
    route.affinitySeconds === undefined
      ? 'at random'
      : `the one in map affinities, kept for ${route.affinitySeconds} s, else at random`
  return [
    where,
    step(`${found}: service ${route.name}`, ...holdsFound),
    ...allowed,
    step(
      `map services: one of ${endpoints.length} ${over} endpoints in map endpoints, ${choice}`,
      holdsService(route, frontend, over),
    ),
    ...(masquerade
      ? [
          step(
            "map flows: masquerade with the outgoing interface's address in map devices",
            holdsDevices(table),
          ),
        ]
      : []),
  ]
}

/** What the maps and hooks lack, or have otherwise. */
type Check = (held: Held) => readonly string[]

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (held) => [...new Set(checks.flatMap((check) => check(held)))] }
}

const attached: Check = ({ detached }) => detached.map((hook) => `not our program: ${hook}`)

function holdsNodePortAddress(address: Address): Check {
  const key = bytesOf(addressKey(address, 'nodePortAddress'))
  return ({ frontends }) =>
    frontends.has(key) ? [] : [`map frontends: ${address} is no address of NodePorts`]
}

function holdsClusterIP(address: Address): Check {
  const key = bytesOf(addressKey(address, 'clusterIP'))
  return ({ frontends }) => (frontends.has(key) ? [] : [`map frontends: lacks clusterIP ${address}`])
}

function holdsFrontend(
  { podSource }: RoutingTable,
  route: ServiceRoute,
  frontend: Frontend,
  from: SourceClass,
): Check {
  const wanted = verdictByte(route, frontend, from, podSource)
  return (held) => {
    const value = held.frontends.get(bytesOf(frontendKeyOf(route, frontend)))
    if (value === undefined) return [`map frontends: lacks ${frontendText(frontend)}/${route.protocol}`]
    const byte = value.charCodeAt(structs.frontend.at.verdict + sourceClassIndex[from])
    return byte === wanted
      ? []
      : [`map frontends: ${frontendText(frontend)}/${route.protocol} has another verdict for ${from}`]
  }
}

/** The number of the service that a frontend leads to. */
function serviceNumber(held: Held, route: ServiceRoute, frontend: Frontend): number | undefined {
  const value = held.frontends.get(bytesOf(frontendKeyOf(route, frontend)))
  return value === undefined
    ? undefined
    : Buffer.from(value, 'latin1').readUInt32LE(structs.frontend.at.service)
}

function holdsRanges(route: ServiceRoute, frontend: Frontend): Check {
  return (held) => {
    const number = serviceNumber(held, route, frontend)
    if (number === undefined) return [`map frontends: lacks ${frontendText(frontend)}/${route.protocol}`]
    return allowedSourcesOf(route)
      .filter((cidr) => !held.ranges.has(bytesOf(rangeKey(number, cidr))))
      .map((cidr) => `map ranges: lacks ${cidr} of service ${number}`)
  }
}

/** That no range of a service lets this source in. */
function letsNotIn(source: Address, route: ServiceRoute, frontend: Frontend): Check {
  return (held) => {
    const number = serviceNumber(held, route, frontend)
    return [...held.ranges].flatMap((bytes) => {
      const key = bufferOf(bytes)
      if (key.readUInt32BE(structs.range_key.at.scope) !== number) return []
      const cidr = parseCidr(rangeCidr(key))
      return cidr !== undefined && cidrContains(cidr, source)
        ? [`map ranges: has ${cidr} of service ${number}`]
        : []
    })
  }
}

function holdsService(route: ServiceRoute, frontend: Frontend, over: 'cluster' | 'local'): Check {
  return (held) => {
    const number = serviceNumber(held, route, frontend)
    const service = number === undefined ? undefined : held.services.get(number)
    if (service === undefined) return [`map services: lacks the one of ${route.name}`]
    const wanted = new Map(
      route.endpoints[over].map((endpoint) => [
        encoded(endpoint),
        `${endpoint.address} port ${endpoint.port}`,
      ]),
    )
    const found = new Set(slotsOf(held, service, over))
    const missing = [...wanted].filter(([bytes]) => !found.has(bytes))
    const extra = [...found].filter((bytes) => !wanted.has(bytes)).length
    return [
      ...missing.map(([, text]) => `map endpoints: no slot of service ${number} has ${text}`),
      ...(extra === 0 ? [] : [`map endpoints: ${extra} slots of service ${number} have other endpoints`]),
      ...(service.affinitySeconds === (route.affinitySeconds ?? 0)
        ? []
        : [`map services: service ${number} keeps clients for ${service.affinitySeconds} s`]),
    ]
  }
}

function encoded(endpoint: Endpoint): string {
  const bytes = Buffer.alloc(structs.endpoint.size)
  writeEndpoint(endpoint, bytes, 0)
  return bytesOf(bytes)
}

function* slotsOf({ slots }: Held, service: HeldService, over: 'cluster' | 'local'): Generator<string> {
  const { size } = structs.endpoint
  const first = service.base + (over === 'local' ? service.cluster : 0)
  for (let slot = first; slot < first + service[over]; slot++)
    yield bytesOf(slots.subarray(slot * size, (slot + 1) * size))
}

function holdsDevices(table: RoutingTable): Check {
  return ({ devices, node }) => {
    const wanted = [...deviceElements(table, node)]
    const wrong = wanted.filter(([key, value]) => devices.get(key) !== value).length
    return wrong === 0
      ? []
      : [`map devices: ${wrong} of ${wanted.length} interfaces are missing or otherwise`]
  }
}

/** A range in which unallocated addresses are dropped, around this one. */
function holdsRange(address: Address): Check {
  return (held) => {
    const ranges = heldSets(held).serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`map ranges: no unallocated range around ${address}`]
  }
}
