import type { Address, Cidr, IpFamily } from '../network/address.ts'
import type { Protocol } from '../network/protocol.ts'

declare const routeKeyBrand: unique symbol

/** Names one service route within a family's table: `namespace/name:portName/TCP`. */
export type RouteKey = string & { readonly [routeKeyBrand]: true }

/**
 * One port of one Service in one IP family: the unit of change. It holds no Kubernetes rule any more: policies,
 * topology and endpoint conditions have become the verdicts and the two endpoint lists.
 */
export interface ServiceRoute {
  readonly key: RouteKey
  /** How people name it: `namespace/name:portName`, or `namespace/name` for a port without a name. */
  readonly name: string
  readonly protocol: Protocol
  readonly family: IpFamily
  /**
   * `cluster`: the endpoints that this node uses when any will do (after topology and the terminating fallback);
   * `local`: those on this node. A list no verdict asks for is empty. Order is stable: from one version of the
   * route to the next an endpoint keeps its index unless one before it left, so a change of k endpoints moves at
   * most k others (see `arrangeEndpoints`). Dataplanes may use the index as a slot number.
   */
  readonly endpoints: { readonly cluster: readonly Endpoint[]; readonly local: readonly Endpoint[] }
  /** Session affinity by client address: seconds since the client's last new connection. Absent: none. */
  readonly affinitySeconds?: number
  readonly frontends: readonly Frontend[]
}

export interface Endpoint {
  readonly address: Address
  readonly port: number
  /** Whether it runs on this node, so that it can be its own client (hairpin). */
  readonly local: boolean
}

export type FrontendKind = 'ClusterIP' | 'ExternalIP' | 'LoadBalancer' | 'NodePort'

/** One destination at which a route answers. */
export interface Frontend {
  readonly kind: FrontendKind
  /** Absent for a NodePort, which answers at every address of the table's `nodePortAddresses`. */
  readonly address?: Address
  readonly port: number
  /** Clients outside these are dropped, whatever the verdict (SEMANTICS 7). Disjoint. Absent: every client is served. */
  readonly allowedSources?: readonly Cidr[]
  readonly verdicts: Verdicts
}

/** Where a packet comes from: a local pod as told by the table's `podSource`, this node itself, anywhere else. */
export type SourceClass = 'pod' | 'node' | 'outside'

export const sourceClasses: readonly SourceClass[] = ['pod', 'node', 'outside']

export type Verdicts = Readonly<Record<SourceClass, Verdict>>

/** Which of a route's two lists of endpoints: all of the cluster that may be used, or those on this node. */
export type EndpointScope = 'cluster' | 'local'

export const endpointScopes: readonly EndpointScope[] = ['cluster', 'local']

/**
 * What happens to a new connection. `balance` picks one endpoint of the list uniformly at random; the list is never
 * empty. `reject` answers with ICMP port unreachable: nothing serves here. `drop` is silent: endpoints exist, but
 * none that this packet may use, so the client should try again (SEMANTICS 6).
 */
export type Verdict =
  | { readonly do: 'balance'; readonly over: EndpointScope; readonly masquerade: boolean }
  | { readonly do: 'reject' }
  | { readonly do: 'drop' }

export function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.address}|${endpoint.port}`
}

declare const frontendKeyBrand: unique symbol

/** Names one destination within a family: `10.96.0.1|TCP|80`, or `|TCP|30080` for a NodePort. */
export type FrontendKey = string & { readonly [frontendKeyBrand]: true }

export function frontendKey(address: Address | undefined, protocol: Protocol, port: number): FrontendKey {
  return `${address ?? ''}|${protocol}|${port}` as FrontendKey
}
