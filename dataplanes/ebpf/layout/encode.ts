import {
  type Address,
  addressBytes,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  type Frontend,
  type IpFamily,
  type PodSource,
  type ServiceRoute,
  type SourceClass,
  sourceClasses,
  splitCidr,
} from '@portolan/core'
import { frontendKind, hasRanges, protocolNumber, sourceClassIndex, structs, verdictBit } from './layout.ts'

/** Elements are made one after the other in one buffer, so everything here writes at an offset into zeroed bytes. */

/** From Node's pool, which Buffer.alloc passes by. */
function zeroed(size: number): Buffer {
  return Buffer.allocUnsafe(size).fill(0)
}

/** Writes an address as the maps have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function writeAddress(address: Address, into: Buffer, at: number): void {
  // By hand: a cluster's load has half a million of them, and an array for each costs more than the system calls.
  let value = 0
  let octet = at + 12
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === colon) {
      into.fill(0, at + 12, at + 16)
      into.set(addressBytes(address), at)
      return
    }
    if (code === dot) {
      into[octet++] = value
      value = 0
    } else value = value * 10 + code - digitZero
  }
  into[octet] = value
  writePrefix('IPv4', into, at)
}

const [dot, digitZero, colon] = [0x2e, 0x30, 0x3a]

/** The address of all zeros, which keeps the families apart. */
function writePrefix(family: IpFamily, into: Buffer, at: number): void {
  if (family !== 'IPv4') return
  into[at + 10] = 0xff
  into[at + 11] = 0xff
}

export function familyAt(bytes: Uint8Array, at: number): IpFamily {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return 'IPv6'
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff ? 'IPv4' : 'IPv6'
}

/** The key under which packets and sockets find a frontend. */
export function writeFrontendKey(
  { family, protocol }: ServiceRoute,
  { address, port }: Frontend,
  into: Buffer,
  offset: number,
): void {
  const { at } = structs.frontend_key
  if (address === undefined) writePrefix(family, into, offset + at.address)
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

/** The class that sockets of pods count as: where nothing tells pods from others, they are others. */
export function classOfPods(podSource: PodSource): SourceClass {
  return podSource.by === 'none' ? 'outside' : 'pod'
}

/** What to do with connections of a class of source, as bits. */
export function verdictByte(
  route: ServiceRoute,
  frontend: Frontend,
  from: SourceClass,
  podSource: PodSource,
): number {
  const verdict = frontend.verdicts[from]
  const early = canActAtSocket(route, frontend, from, podSource) ? verdictBit.atSocket : 0
  if (verdict.do !== 'balance') return verdictBit[verdict.do] | early
  return (
    verdictBit.balance |
    (verdict.over === 'local' ? verdictBit.local : 0) |
    (verdict.masquerade ? verdictBit.masquerade : 0) |
    early
  )
}

/**
 * Whether a connection can be led to its endpoint when the socket connects. Not where the source address counts
 * (ranges, affinity of pods), where it must change (masquerade of pods, hairpin), and not to drop: a connect that
 * fails at once is no silence.
 */
function canActAtSocket(
  route: ServiceRoute,
  { allowedSources, verdicts }: Frontend,
  from: SourceClass,
  podSource: PodSource,
): boolean {
  const verdict = verdicts[from]
  if (verdict.do === 'drop') return false
  // With source ranges only where the node asks itself, which asks_itself in sockets.h sees to.
  if (from === 'node') return true
  if (allowedSources !== undefined) return false
  if (from !== classOfPods(podSource)) return false
  if (verdict.do === 'reject') return true
  const { over, masquerade } = verdict
  const hairpin = route.endpoints[over].some(({ local }) => local)
  return !masquerade && !hairpin && route.affinitySeconds === undefined
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
  return (['cluster', 'local'] as const).flatMap((over) =>
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
