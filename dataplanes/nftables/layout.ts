import type { IpFamily, Protocol } from '@portolan/core'

/**
 * The element-only layout: one table per IP family in which no Service has a chain or a rule of its own, so that a
 * change costs a few set elements whatever the size of the cluster. docs/nftables-layout.md draws it.
 *
 * A packet's first lookup gives a number, kept in the packet's priority (`meta priority`), by which static chains
 * decide what comes next. The priority is the one 32-bit place that nft can both fill from a map and look up in
 * another, that no other tool keeps state in, and that forwarding sets anew; only first packets of connections
 * come here at all. A verdict map by Service would need no number, but each new element of one makes the kernel
 * check the whole table again (0.7 ms at 10,000 Services, 14 ms at 100,000).
 */

export const tableName = 'portolan'

/**
 * Where a packet is rejected: a TCP client gets a reset. One on this machine would get an ICMP error while its own
 * connect() still holds the socket: Linux keeps the error for later then, and the client learns of it when its SYN is sent
 * again after a second. And of ICMP errors Linux sends a client only some in a second. (`reject` is a word of nft's.)
 */
export const rejectChain = 'refuse'

/** Raised when chains or sets change their meaning, so that an older table is replaced in one transaction. */
export const layoutVersion = 1

/** A virtual IP is (address, protocol, port); a NodePort is (protocol, port) at any of the node's addresses. */
export type Place = 'vip' | 'nodeport'
export type Over = 'cluster' | 'local'

export const places: readonly Place[] = ['vip', 'nodeport']

/** What a field of a key or a value is; decides its text and its bytes. `chain` is a verdict: goto that chain. */
export type Field = 'address' | 'protocol' | 'port' | 'slot' | 'number' | 'range' | 'chain'

export interface SetDeclaration {
  readonly name: string
  readonly key: readonly Field[]
  /** Absent: a set. */
  readonly value?: readonly Field[]
  /**
   * `interval`: the key's last field is a range of addresses. `timeout`: filled by packets, not by us. `static`: from
   * numbers to chains; what no route needs any more stays.
   */
  readonly kind?: 'interval' | 'timeout' | 'static'
  /** For keys that nft can only name by an example expression; see facts on `typeof` in docs/nftables-layout.md. */
  readonly example?: Protocol
  readonly comment: string
}

const lower = (protocol: Protocol): string => protocol.toLowerCase()

const vipKey: readonly Field[] = ['address', 'protocol', 'port']
const nodePortKey: readonly Field[] = ['protocol', 'port']
const placeKey = (place: Place): readonly Field[] => (place === 'vip' ? vipKey : nodePortKey)
/** Inside a chain for one protocol the key needs no protocol any more. */
const protocolPlaceKey = (place: Place): readonly Field[] =>
  place === 'vip' ? ['address', 'port'] : ['port']

export const policiesOf = (place: Place): SetDeclaration => ({
  name: place === 'vip' ? 'vips' : 'nodeports',
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : policy',
})

export const policyChainsOf = (place: Place): SetDeclaration => ({
  name: `policies-${place}`,
  key: ['number'],
  value: ['chain'],
  kind: 'static',
  comment: 'policy : chain',
})

export const countsOf = (place: Place, over: Over): SetDeclaration => ({
  name: `counts-${place}-${over}`,
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : number of endpoints',
})

export const balanceChainsOf = (place: Place, over: Over): SetDeclaration => ({
  name: `balancers-${place}-${over}`,
  key: ['protocol', 'number'],
  value: ['chain'],
  kind: 'static',
  comment: 'protocol . number of endpoints : chain',
})

export const endpointsOf = (place: Place, over: Over, protocol: Protocol): SetDeclaration => ({
  name: `endpoints-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'slot'],
  value: ['address', 'port'],
  example: protocol,
  comment: 'destination . slot : endpoint',
})

export const affinityRoutesOf = (place: Place): SetDeclaration => ({
  name: `affinity-routes-${place}`,
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : its route in the affinity map',
})

export const affinityPicksOf = (place: Place, over: Over, protocol: Protocol): SetDeclaration => ({
  name: `affinity-picks-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'slot'],
  value: ['number'],
  example: protocol,
  comment: 'destination . slot : route and endpoint number',
})

export const affinityEndpointsOf = (place: Place, over: Over, protocol: Protocol): SetDeclaration => ({
  name: `affinity-endpoints-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'number'],
  value: ['address', 'port'],
  example: protocol,
  comment: 'destination . route and endpoint number : endpoint',
})

/** The number comes first, and in IPv6 the client is the last 96 bits of its address: see expressions.ts for why. */
export const affinityClients: SetDeclaration = {
  name: 'affinity',
  key: ['number', 'address'],
  value: ['number'],
  kind: 'timeout',
  comment: 'route . client : route and endpoint number',
}

export const clusterIpSet: SetDeclaration = {
  name: 'cluster-ips',
  key: ['address'],
  comment: 'ClusterIPs of existing Services',
}
export const serviceCidrSet: SetDeclaration = {
  name: 'service-cidrs',
  key: ['range'],
  kind: 'interval',
  comment: 'ranges that ClusterIPs are given from',
}
export const nodePortAddressSet: SetDeclaration = {
  name: 'nodeport-addresses',
  key: ['address'],
  comment: 'addresses of this node at which NodePorts answer',
}
export const hairpinSet: SetDeclaration = {
  name: 'hairpin',
  key: ['address', 'address'],
  comment: 'a local endpoint to itself',
}
export const allowedSourceSet: SetDeclaration = {
  name: 'allowed-sources',
  key: ['address', 'protocol', 'port', 'range'],
  kind: 'interval',
  comment: 'destination . client range (loadBalancerSourceRanges)',
}

/** Sets that exist from the start; those per place and protocol come when something needs them. */
export const baseSets: readonly SetDeclaration[] = [
  policiesOf('vip'),
  policiesOf('nodeport'),
  policyChainsOf('vip'),
  policyChainsOf('nodeport'),
  clusterIpSet,
  serviceCidrSet,
  nodePortAddressSet,
  hairpinSet,
  allowedSourceSet,
  affinityClients,
]

const everySet: ReadonlyMap<string, SetDeclaration> = new Map(
  [
    ...baseSets,
    ...places.flatMap((place) => [
      affinityRoutesOf(place),
      ...(['cluster', 'local'] as const).flatMap((over) => [
        countsOf(place, over),
        balanceChainsOf(place, over),
        ...(['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) => [
          endpointsOf(place, over, protocol),
          affinityPicksOf(place, over, protocol),
          affinityEndpointsOf(place, over, protocol),
        ]),
      ]),
    ]),
  ].map((set) => [set.name, set]),
)

/** The declaration behind a set's name, for reading a table back. */
export function findSet(name: string): SetDeclaration | undefined {
  return everySet.get(name)
}

/** nft's name of a family. */
export function nftFamily(family: IpFamily): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6'
}
