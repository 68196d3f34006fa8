import {
  type Address,
  cidrContains,
  type Endpoint,
  type EndpointScope,
  type Frontend,
  parseCidr,
  type RoutingTable,
  type ServiceRoute,
  type SourceClass,
} from '@portolan/core'
import { rangeCidr } from '../compile/element-text.ts'
import { frontendText } from '../compile/print.ts'
import { addressKey, allowedSourcesOf, frontendKeyOf, rangeKey, writeEndpoint } from '../layout/encode.ts'
import { deviceElements } from '../layout/node-elements.ts'
import { bufferOf, bytesOf, type ObservedService, type ObservedState } from '../layout/observed-state.ts'
import { sourceClassIndex, structs } from '../layout/structures.ts'
import { verdictByte } from '../layout/verdict-byte.ts'
import { observedSets } from './observed-sets.ts'

/** What the maps and hooks lack, or have otherwise. */
export type Check = (observedState: ObservedState) => readonly string[]

export const attached: Check = ({ detached }) => detached.map((hook) => `not our program: ${hook}`)

export function holdsNodePortAddress(address: Address): Check {
  const key = bytesOf(addressKey(address, 'nodePortAddress'))
  return ({ frontends }) =>
    frontends.has(key) ? [] : [`map frontends: ${address} is no address of NodePorts`]
}

export function holdsClusterIP(address: Address): Check {
  const key = bytesOf(addressKey(address, 'clusterIP'))
  return ({ frontends }) => (frontends.has(key) ? [] : [`map frontends: lacks clusterIP ${address}`])
}

export function holdsFrontend(
  { podSource }: RoutingTable,
  route: ServiceRoute,
  frontend: Frontend,
  from: SourceClass,
): Check {
  const wanted = verdictByte(route, frontend, from, podSource)
  return (observedState) => {
    const value = observedState.frontends.get(bytesOf(frontendKeyOf(route, frontend)))
    if (value === undefined) return [`map frontends: lacks ${frontendText(frontend)}/${route.protocol}`]
    const byte = value.charCodeAt(structs.frontend.at.verdict + sourceClassIndex[from])
    return byte === wanted
      ? []
      : [`map frontends: ${frontendText(frontend)}/${route.protocol} has another verdict for ${from}`]
  }
}

/** The number of the service that a frontend leads to. */
function serviceNumber(
  observedState: ObservedState,
  route: ServiceRoute,
  frontend: Frontend,
): number | undefined {
  const value = observedState.frontends.get(bytesOf(frontendKeyOf(route, frontend)))
  return value === undefined
    ? undefined
    : Buffer.from(value, 'latin1').readUInt32LE(structs.frontend.at.service)
}

export function holdsRanges(route: ServiceRoute, frontend: Frontend): Check {
  return (observedState) => {
    const number = serviceNumber(observedState, route, frontend)
    if (number === undefined) return [`map frontends: lacks ${frontendText(frontend)}/${route.protocol}`]
    return allowedSourcesOf(route)
      .filter((cidr) => !observedState.ranges.has(bytesOf(rangeKey(number, cidr))))
      .map((cidr) => `map ranges: lacks ${cidr} of service ${number}`)
  }
}

/** That no range of a service lets this source in. */
export function letsNotIn(source: Address, route: ServiceRoute, frontend: Frontend): Check {
  return (observedState) => {
    const number = serviceNumber(observedState, route, frontend)
    return [...observedState.ranges].flatMap((bytes) => {
      const key = bufferOf(bytes)
      if (key.readUInt32BE(structs.range_key.at.scope) !== number) return []
      const cidr = parseCidr(rangeCidr(key))
      return cidr !== undefined && cidrContains(cidr, source)
        ? [`map ranges: has ${cidr} of service ${number}`]
        : []
    })
  }
}

export function holdsService(route: ServiceRoute, frontend: Frontend, over: EndpointScope): Check {
  return (observedState) => {
    const number = serviceNumber(observedState, route, frontend)
    const service = number === undefined ? undefined : observedState.services.get(number)
    if (service === undefined) return [`map services: lacks the one of ${route.name}`]
    const wanted = new Map(
      route.endpoints[over].map((endpoint) => [
        encoded(endpoint),
        `${endpoint.address} port ${endpoint.port}`,
      ]),
    )
    const found = new Set(slotsOf(observedState, service, over))
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

function* slotsOf(
  { slots }: ObservedState,
  service: ObservedService,
  over: EndpointScope,
): Generator<string> {
  const { size } = structs.endpoint
  const first = service.base + (over === 'local' ? service.cluster : 0)
  for (let slot = first; slot < first + service[over]; slot++)
    yield bytesOf(slots.subarray(slot * size, (slot + 1) * size))
}

export function holdsDevices(table: RoutingTable): Check {
  return ({ devices, node }) => {
    const wanted = [...deviceElements(table, node)]
    const wrong = wanted.filter(([key, value]) => devices.get(key) !== value).length
    return wrong === 0
      ? []
      : [`map devices: ${wrong} of ${wanted.length} interfaces are missing or otherwise`]
  }
}

/** A range in which unallocated addresses are dropped, around this one. */
export function holdsRange(address: Address): Check {
  return (observedState) => {
    const ranges = observedSets(observedState).serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`map ranges: no unallocated range around ${address}`]
  }
}
