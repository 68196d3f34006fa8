import { type EndpointScope, endpointScopes, type Protocol } from '@portolan/core'
import { type Place, places } from './table.ts'

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

// Each is made once: every route of a cluster's load asks for its own.

function ofPlace(make: (place: Place) => SetDeclaration): (place: Place) => SetDeclaration {
  const made = { vip: make('vip'), nodeport: make('nodeport') }
  return (place) => made[place]
}

function ofScope(make: (place: Place, over: EndpointScope) => SetDeclaration): typeof make {
  const made = {
    cluster: ofPlace((place) => make(place, 'cluster')),
    local: ofPlace((place) => make(place, 'local')),
  }
  return (place, over) => made[over](place)
}

function ofProtocol(
  make: (place: Place, over: EndpointScope, protocol: Protocol) => SetDeclaration,
): typeof make {
  const ofOne = (protocol: Protocol) => ofScope((place, over) => make(place, over, protocol))
  const made = { TCP: ofOne('TCP'), UDP: ofOne('UDP'), SCTP: ofOne('SCTP') }
  return (place, over, protocol) => made[protocol](place, over)
}

export const policiesOf = ofPlace((place: Place) => ({
  name: place === 'vip' ? 'vips' : 'nodeports',
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : policy',
}))

export const policyChainsOf = ofPlace((place: Place) => ({
  name: `policies-${place}`,
  key: ['number'],
  value: ['chain'],
  kind: 'static',
  comment: 'policy : chain',
}))

export const countsOf = ofScope((place: Place, over: EndpointScope) => ({
  name: `counts-${place}-${over}`,
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : number of endpoints',
}))

export const balanceChainsOf = ofScope((place: Place, over: EndpointScope) => ({
  name: `balancers-${place}-${over}`,
  key: ['protocol', 'number'],
  value: ['chain'],
  kind: 'static',
  comment: 'protocol . number of endpoints : chain',
}))

export const endpointsOf = ofProtocol((place: Place, over: EndpointScope, protocol: Protocol) => ({
  name: `endpoints-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'slot'],
  value: ['address', 'port'],
  example: protocol,
  comment: 'destination . slot : endpoint',
}))

export const affinityRoutesOf = ofPlace((place: Place) => ({
  name: `affinity-routes-${place}`,
  key: placeKey(place),
  value: ['number'],
  comment: 'destination : its route in the affinity map',
}))

export const affinityPicksOf = ofProtocol((place: Place, over: EndpointScope, protocol: Protocol) => ({
  name: `affinity-picks-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'slot'],
  value: ['number'],
  example: protocol,
  comment: 'destination . slot : route and endpoint number',
}))

export const affinityEndpointsOf = ofProtocol((place: Place, over: EndpointScope, protocol: Protocol) => ({
  name: `affinity-endpoints-${place}-${over}-${lower(protocol)}`,
  key: [...protocolPlaceKey(place), 'number'],
  value: ['address', 'port'],
  example: protocol,
  comment: 'destination . route and endpoint number : endpoint',
}))

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
      ...endpointScopes.flatMap((over) => [
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
