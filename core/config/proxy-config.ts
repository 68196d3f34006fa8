import type { Address, Cidr } from '../network/address.ts'

/** Everything that the operator decides, read from flags and checked: nothing after this doubts it. */
export interface ProxyConfig {
  readonly source: SourceConfig
  /** As given; absent: the machine's host name (see `nodeName`). */
  readonly nodeName?: string
  /** `nftables`, a package's name, or a path. */
  readonly dataplane: string
  /** From `--dataplane-option NAME=VALUE`. */
  readonly dataplaneSettings: Readonly<Record<string, string>>
  /** The node's address where it can't be told from its Node object. Nothing is bound to it (SEMANTICS 19). */
  readonly bindAddress?: Address
  readonly podDetection: PodDetection
  readonly nodePortAddresses: NodePortAddresses
  readonly masqueradeAll: boolean
  /** 0 to 31. */
  readonly masqueradeBit: number
  /** Least time between the end of one apply and the start of the next, in milliseconds. 0: none. */
  readonly minSyncPeriod: number
  /** Time between two comparisons of the kernel with the table, in milliseconds. 0: never. */
  readonly auditPeriod: number
}

export type SourceConfig =
  | { readonly from: 'kubeconfig'; readonly path: string }
  | { readonly from: 'inCluster' }
  | { readonly from: 'file'; readonly path: string }
  /** `speed`: how many times as fast as it was recorded. */
  | { readonly from: 'recording'; readonly path: string; readonly speed: number }

/** kube-proxy's detectLocalMode: how local pods are told from other sources (SEMANTICS 9). */
export type PodDetection =
  | { readonly mode: 'ClusterCIDR'; readonly cidrs: readonly Cidr[] }
  | { readonly mode: 'NodeCIDR' }
  | { readonly mode: 'BridgeInterface'; readonly name: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }

export type PodDetectionMode = PodDetection['mode']

/**
 * Where NodePorts answer (SEMANTICS 8). `primary`: at the node's own address of each family, nftables' default.
 * `cidrs`: at the addresses inside; a family that the list doesn't name answers at all its addresses.
 */
export type NodePortAddresses =
  | { readonly at: 'primary' }
  | { readonly at: 'cidrs'; readonly cidrs: readonly Cidr[] }
