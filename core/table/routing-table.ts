import type { Address, Cidr, IpFamily } from '../network/address.ts'
import type { FrontendKey, RouteKey, ServiceRoute } from './service-route.ts'

/**
 * Everything that one IP family of one node must do, free of Kubernetes' rules. The two families are independent
 * tables (SEMANTICS 2).
 */
export interface RoutingTable {
  readonly family: IpFamily
  readonly routes: ReadonlyMap<RouteKey, ServiceRoute>
  /** Which route answers at a destination. Two routes never share one: the table's builder settled that. */
  readonly frontends: ReadonlyMap<FrontendKey, RouteKey>
  /** ClusterIPs of existing Services: what matches no frontend there is rejected (SEMANTICS 6). */
  readonly clusterIPs: ReadonlySet<Address>
  /** Ranges of ClusterIPs: an address in them that no Service has is dropped (SEMANTICS 6). Disjoint. */
  readonly serviceCidrs: ReadonlySet<Cidr>
  /**
   * Addresses of this node at which NodePorts answer (SEMANTICS 8). Loopback is among them, for processes of the node
   * alone, where the operator asks for it and the dataplane can have it (`localhostFamiliesOf`).
   */
  readonly nodePortAddresses: ReadonlySet<Address>
  /** Addresses of local endpoints: a connection translated from one of them to itself is masqueraded (hairpin). */
  readonly hairpinAddresses: ReadonlySet<Address>
  /**
   * NodePorts at which this node tells load balancers whether it has endpoints of a Service (SEMANTICS 11): host
   * ports, to be let in by a dataplane that filters what comes to the host. The same in both families.
   */
  readonly healthCheckNodePorts: ReadonlySet<number>
  /** All addresses of this node's interfaces: a packet from one of them is of class `node`. */
  readonly localAddresses: ReadonlySet<Address>
  /** How a local pod's packet is told from others; fixed for the life of the process. */
  readonly podSource: PodSource
}

/** The detectLocalMode of kube-proxy (SEMANTICS 9), for one family. */
export type PodSource =
  | { readonly by: 'none' }
  | { readonly by: 'cidr'; readonly cidr: Cidr }
  | { readonly by: 'interface'; readonly name: string }
  | { readonly by: 'interfacePrefix'; readonly prefix: string }

/** The parts of a table that are plain sets, by name. */
export const tableSets = [
  'clusterIPs',
  'serviceCidrs',
  'nodePortAddresses',
  'hairpinAddresses',
  'healthCheckNodePorts',
  'localAddresses',
] as const

export type TableSet = (typeof tableSets)[number]

/**
 * What a kernel holds of sets that follow objects which may be missing for a while. Addresses and ranges as text in any
 * form that is valid.
 */
export interface ObservedSets {
  /** Addresses of this node at which NodePorts answer. */
  readonly nodePortAddresses: readonly string[]
  /** Ranges in which addresses that no Service has are dropped. */
  readonly serviceCidrs: readonly string[]
}
