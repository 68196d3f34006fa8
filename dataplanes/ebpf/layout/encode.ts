import {
  type Address,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  endpointScopes,
  type Frontend,
  type PodSource,
  protocolNumber,
  type ServiceRoute,
  sourceClasses,
  splitCidr,
} from '@portolan/core'
import { writeAddress, writeFamilyPrefix } from './address-bytes.ts'
import { frontendKind, hasRanges, sourceClassIndex, structs } from './structures.ts'
import { verdictByte } from './verdict-byte.ts'

/** Elements are made one after the other in one buffer, so everything here writes at an offset into zeroed bytes. */

/** From Node's pool, which Buffer.alloc passes by. */
function zeroed(size: number): Buffer {
  return Buffer.allocUnsafe(size).fill(0)
}

/** The key under which packets and sockets find a frontend. */
export function writeFrontendKey(
  { family, protocol }: ServiceRoute,
  { address, port }: Frontend,
  into: Buffer,
  offset: number,
): void {
  const { at } = structs.frontend_key
  if (address === undefined) writeFamilyPrefix(family, into, offset + at.address)
  else writeAddress(address, into, offset + at.address)
  into[offset + at.port] = port >> 8
  into[offset + at.port + 1] = port & 0xff
  into[offset + at.protocol] = protocolNumber[protocol]
  into[offset + at.kind] = address === undefined ? frontendKind.nodePort : frontendKind.address
}

export function frontendKeyOf(route: ServiceRoute, frontend: Frontend): Buffer {
  const key = zeroed(structs.frontend_key.size)
  writeFrontendKey(route, frontend, key, 0)
  return key
}

/** The key of an address that is not a frontend: of a set of the table. */
export function writeAddressKey(
  address: Address,
  kind: keyof typeof frontendKind,
  into: Buffer,
  offset: number,
): void {
  const { at } = structs.frontend_key
  writeAddress(address, into, offset + at.address)
  into[offset + at.kind] = frontendKind[kind]
}

export function addressKey(address: Address, kind: keyof typeof frontendKind): Buffer {
  const key = zeroed(structs.frontend_key.size)
  writeAddressKey(address, kind, key, 0)
  return key
}

export function writeFrontend(
  service: number,
  route: ServiceRoute,
  frontend: Frontend,
  podSource: PodSource,
  into: Buffer,
  offset: number,
): void {
  const { at } = structs.frontend
  into.writeUInt32LE(service, offset + at.service)
  for (const from of sourceClasses)
    into[offset + at.verdict + sourceClassIndex[from]] = verdictByte(route, frontend, from, podSource)
  into[offset + at.flags] = frontend.allowedSources === undefined ? 0 : hasRanges
}

export function writeEndpoint({ address, port }: Endpoint, into: Buffer, offset: number): void {
  const { at } = structs.endpoint
  writeAddress(address, into, offset + at.address)
  into[offset + at.port] = port >> 8
  into[offset + at.port + 1] = port & 0xff
}

/** base: the first endpoint's index; the local endpoints come right behind those of the cluster. */
export function writeService(base: number, route: ServiceRoute, into: Buffer, offset: number): void {
  const { at } = structs.service
  const { cluster, local } = route.endpoints
  into.writeUInt32LE(base, offset + at.word)
  into.writeUInt16LE(cluster.length, offset + at.word + 4)
  into.writeUInt16LE(local.length, offset + at.word + 6)
  into.writeUInt32LE(route.affinitySeconds ?? 0, offset + at.affinity_seconds)
}

export function writeRangeKey(scope: number, cidr: Cidr, into: Buffer, offset: number): void {
  const { at } = structs.range_key
  const { address, prefixLength } = splitCidr(cidr)
  into.writeUInt32LE(32 + (cidr.includes(':') ? 0 : 96) + prefixLength, offset + at.prefix_length)
  into.writeUInt32BE(scope, offset + at.scope)
  writeAddress(address, into, offset + at.address)
}

export function rangeKey(scope: number, cidr: Cidr): Buffer {
  const key = zeroed(structs.range_key.size)
  writeRangeKey(scope, cidr, key, 0)
  return key
}

export function writeMemberKey(
  service: number,
  over: EndpointScope,
  { address, port }: Endpoint,
  into: Buffer,
  offset: number,
): void {
  const { at } = structs.member_key
  writeAddress(address, into, offset + at.address)
  into.writeUInt32LE(service, offset + at.service)
  into.writeUInt16BE(port, offset + at.port)
  into.writeUInt16LE(over === 'local' ? 1 : 0, offset + at.local)
}

export function memberKey(service: number, over: EndpointScope, endpoint: Endpoint): Buffer {
  const key = zeroed(structs.member_key.size)
  writeMemberKey(service, over, endpoint, key, 0)
  return key
}

/** Keys of the map `members` that a route has. */
export function memberKeys(route: ServiceRoute, service: number): Buffer[] {
  if (!hasMembers(route)) return []
  return endpointScopes.flatMap((over) =>
    route.endpoints[over].map((endpoint) => memberKey(service, over, endpoint)),
  )
}

/** Whether the programs ask if an endpoint that they remember is still one of the route's. */
export function hasMembers({ protocol, affinitySeconds }: ServiceRoute): boolean {
  return protocol === 'UDP' || affinitySeconds !== undefined
}

/** Clients outside these are dropped. All restricted frontends of a route have the same. */
export function allowedSourcesOf({ frontends }: ServiceRoute): readonly Cidr[] {
  return frontends.find(({ allowedSources }) => allowedSources !== undefined)?.allowedSources ?? []
}
