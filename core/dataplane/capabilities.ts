import { type IpFamily, ipFamilies } from '../network/address.ts'

/**
 * What a dataplane can do. The conformance kit counts exactly what is declared missing as gaps, and the table in
 * docs/capabilities.md is generated from these objects. A gap is a sentence for the operator: what happens instead.
 */
export interface Capabilities {
  readonly families: readonly IpFamily[]
  /**
   * What it can translate. Tables have routes of every protocol all the same: one of a protocol that isn't listed is
   * left out of the program, which neither fails for it nor touches its packets, and is named in
   * the program's `degraded` whenever it comes or changes.
   */
  readonly protocols: readonly ('TCP' | 'UDP' | 'SCTP')[]
  readonly gaps: Readonly<Partial<Record<Feature, string>>>
  /** The oldest kernel that it runs on, as `6.1`: `portolan check` tells by it from afar which nodes can't. Absent: any. */
  readonly kernel?: string
  /**
   * Where it remembers which connections it has translated. `conntrack`: the kernel's connection tracking goes on translating
   * them as long as anybody has rules of NAT, so a successor that says the same takes them over by being there. Absent: in
   * something of its own.
   */
  readonly connections?: 'conntrack'
}

/** What a dataplane may declare as a gap, with what it means. */
export const features = {
  externalAddresses: 'external IPs and load balancer addresses',
  clientAddress: "endpoints see the client's own address, where nothing asks for masquerade",
  outlivesProcess: 'Services are served, and connections go on, while no process runs',
  sourceClasses: 'verdicts differ by who asks: pod, node, outside',
  podsByInterface: 'pods are told from others by the interface that they come in by',
  dropWithoutUsableEndpoint: 'drops, rather than rejects, where endpoints exist that the packet may not use',
  dropConnections: 'what is dropped is, in TCP, without any answer',
  rejectWithoutEndpoint: 'refuses connections to a Service without endpoints',
  rejectOtherPorts: 'refuses other ports of an active ClusterIP, and ping',
  rejectPing: 'refuses ping to an active ClusterIP, where it refuses other ports',
  dropUnallocated: 'drops packets to ClusterIP ranges that no Service has',
  sourceRanges: 'loadBalancerSourceRanges',
  affinity: 'session affinity with a timeout',
  affinityTimeout: 'affinity ends when the timeout is over, however long connections last',
  affinityAcrossFrontends: 'a client keeps its endpoint across all frontends of a service port',
  hairpin: 'an endpoint reaches itself through its Service',
  nodePort: 'NodePorts on chosen node addresses',
  localhostNodePorts: 'NodePorts at IPv4 loopback, for processes of the node, in the kernel',
  localhostNodePortsIPv6: 'NodePorts at IPv6 loopback likewise',
  unknownNode: 'a restart keeps NodePorts and dropped ranges while the Node object is missing',
  udpFlows: 'a UDP client that keeps its port gets another endpoint when its own has gone',
  cleanChanges: 'who asks in the moment of a change is served or refused, and never cut off',
  ephemeralPorts: 'datagrams to Services take no ephemeral ports of the node',
  atomicChange: 'a change of several routes shows to packets all at once',
  sharedPorts: 'a client goes from one port to a Service and, past the Service, to its endpoint',
  sharedPortsAtOnce:
    'pods and the node go from one port to a Service and, past it, to its endpoint at the same time',
  localPorts:
    "the node's own clients may use ports that are NodePorts, or a Service's at an address of the node",
  largeDatagramsOfNode: 'the node sends Services at its own addresses datagrams that need fragments',
} as const

export type Feature = keyof typeof features

/** What a family's NodePorts at loopback are as a feature. */
export const localhostFeature = {
  IPv4: 'localhostNodePorts',
  IPv6: 'localhostNodePortsIPv6',
} as const satisfies Record<IpFamily, Feature>

/** The families in which the dataplane can have NodePorts answer at loopback: only there does its table ask for it. */
export function localhostFamiliesOf({ gaps }: Capabilities): readonly IpFamily[] {
  return ipFamilies.filter((family) => gaps[localhostFeature[family]] === undefined)
}
