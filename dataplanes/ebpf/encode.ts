import {
  type Address,
  addressBytes,
  type Cidr,
  type Endpoint,
  type Frontend,
  type IpFamily,
  type PodSource,
  type Protocol,
  type ServiceRoute,
  type SourceClass,
  sourceClasses,
  splitCidr,
  type Verdict,
} from '@portolan/core'
import { frontendKind, hasRanges, protocolNumber, sourceClassIndex, structs, verdictBit } from './layout.ts'

/** From Node's pool, which Buffer.alloc passes by: a cluster's load makes a million of them. */
function zeroed(size: number): Buffer {
  return Buffer.allocUnsafe(size).fill(0)
}

/** Writes an address as the maps have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function writeAddress(address: Address, into: Buffer, at: number): void {
  const bytes = addressBytes(address)
  if (bytes.length === 4) writePrefix('IPv4', into, at)
  into.set(bytes, bytes.length === 4 ? at + 12 : at)
}

/** The address of all zeros, which keeps the families apart. */
function writePrefix(family: IpFamily, into: Buffer, at: number): void {
  if (family === 'IPv4') into.writeUInt16BE(0xffff, at + 10)
}

export function familyAt(bytes: Uint8Array, at: number): IpFamily {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return 'IPv6'
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff ? 'IPv4' : 'IPv6'
}

/** The key under which packets and sockets find a frontend. */
export function frontendKeyOf(family: IpFamily, protocol: Protocol, { address, port }: Frontend): Buffer {
  const { size, at } = structs.frontend_key
  const key = zeroed(size)
  if (address === undefined) writePrefix(family, key, at.address)
  else writeAddress(address, key, at.address)
  key.writeUInt16BE(port, at.port)
  key[at.protocol] = protocolNumber[protocol]
  key[at.kind] = address === undefined ? frontendKind.nodePort : frontendKind.address
  return key
}

/** The key of an address that is not a frontend: of a set of the table. */
export function addressKey(address: Address, kind: keyof typeof frontendKind): Buffer {
  const { size, at } = structs.frontend_key
  const key = zeroed(size)
  writeAddress(address, key, at.address)
  key[at.kind] = frontendKind[kind]
  return key
}

export function frontendValue(service: number, verdicts: Uint8Array, flags: number): Buffer {
  const { size, at } = structs.frontend
  const value = zeroed(size)
  value.writeUInt32LE(service, at.service)
  value.set(verdicts, at.verdict)
  value[at.flags] = flags
  return value
}

export function frontendFlags({ allowedSources }: Frontend): number {
  return allowedSources === undefined ? 0 : hasRanges
}

/** The class that sockets of pods count as: where nothing tells pods from others, they are others. */
export function classOfPods(podSource: PodSource): SourceClass {
  return podSource.by === 'none' ? 'outside' : 'pod'
}

/** The three verdicts of a frontend, one byte each. */
export function verdictBytes(route: ServiceRoute, frontend: Frontend, podSource: PodSource): Uint8Array {
  const bytes = new Uint8Array(3)
  for (const from of sourceClasses) {
    const index = sourceClassIndex[from]
    const verdict = frontend.verdicts[from]
    const early = canActAtSocket(route, frontend, from, podSource) ? verdictBit.atSocket : 0
    bytes[index] = verdictByte(verdict) | early
  }
  return bytes
}

function verdictByte(verdict: Verdict): number {
  if (verdict.do !== 'balance') return verdictBit[verdict.do]
  return (
    verdictBit.balance |
    (verdict.over === 'local' ? verdictBit.local : 0) |
    (verdict.masquerade ? verdictBit.masquerade : 0)
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
  into.writeUInt16BE(port, offset + at.port)
}

/** base: the first endpoint's index; the local endpoints come right behind those of the cluster. */
export function serviceValue(
  base: number,
  cluster: number,
  local: number,
  affinitySeconds: number | undefined,
): Buffer {
  const { size, at } = structs.service
  const value = zeroed(size)
  value.writeUInt32LE(base, at.word)
  value.writeUInt16LE(cluster, at.word + 4)
  value.writeUInt16LE(local, at.word + 6)
  value.writeUInt32LE(affinitySeconds ?? 0, at.affinity_seconds)
  return value
}

export function rangeKey(scope: number, cidr: Cidr): Buffer {
  const { size, at } = structs.range_key
  const { address, prefixLength } = splitCidr(cidr)
  const key = zeroed(size)
  key.writeUInt32LE(32 + (cidr.includes(':') ? 0 : 96) + prefixLength, at.prefix_length)
  key.writeUInt32BE(scope, at.scope)
  writeAddress(address, key, at.address)
  return key
}

export function memberKey(service: number, over: 'cluster' | 'local', { address, port }: Endpoint): Buffer {
  const { size, at } = structs.member_key
  const key = zeroed(size)
  writeAddress(address, key, at.address)
  key.writeUInt32LE(service, at.service)
  key.writeUInt16BE(port, at.port)
  key.writeUInt16LE(over === 'local' ? 1 : 0, at.local)
  return key
}

/** Whether the programs ask if an endpoint that they remember is still one of the route's. */
export function hasMembers({ protocol, affinitySeconds }: ServiceRoute): boolean {
  return protocol === 'UDP' || affinitySeconds !== undefined
}

/** Clients outside these are dropped. All restricted frontends of a route have the same. */
export function allowedSourcesOf({ frontends }: ServiceRoute): readonly Cidr[] {
  return frontends.find(({ allowedSources }) => allowedSources !== undefined)?.allowedSources ?? []
}
