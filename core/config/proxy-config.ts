import type { Address, Cidr } from '../network/address.ts'
import type { NodePortPolicy } from '../table/builder/node-addresses.ts'
import type { SocketAddress } from './socket-address.ts'

/** Everything that the operator decides, read from flags and checked: nothing after this doubts it. */
export interface ProxyConfig {
  readonly source: SourceConfig
  /** As given; absent: the machine's host name (see `nodeName`). */
  readonly nodeName?: string
  /** `nftables`, a package's name, or a path. */
  readonly dataplane: string
  /** From `--dataplane-option NAME=VALUE`. */
  readonly dataplaneSettings: Readonly<Record<string, string>>
  /** The node's address where it can't be told from its Node object. Nothing is bound to it (SEMANTICS 19). Never `0.0.0.0` or `::`. */
  readonly bindAddress?: Address
  readonly podDetection: PodDetection
  /** kube-proxy's words `localhost` and `all` are the ranges that they stand for. */
  readonly nodePortAddresses: NodePortPolicy
  readonly masqueradeAll: boolean
  /** 0 to 31. */
  readonly masqueradeBit: number
  /** Least time between the end of one apply and the start of the next, in milliseconds. 0: none. */
  readonly minSyncPeriod: number
  /** kube-proxy's syncPeriod in milliseconds: twice as long may an update be unapplied until health says so (SEMANTICS 11). */
  readonly syncPeriod: number
  /** Time between two comparisons of the kernel with the table, in milliseconds. 0: never. */
  readonly auditPeriod: number
  /** Whether the taint that keeps pods off a new node is taken away when Services work there. */
  readonly startupTaint: boolean
  /** Whether kube-proxy's rules are removed when it has ended. */
  readonly takeOver: boolean
  /** How long another dataplane that served this node before is drained, in milliseconds. 0: not at all. */
  readonly drainTimeout: number
  /** kube-proxy's iptables.localhostNodePorts: NodePorts at 127.0.0.1 with the dataplane iptables (SEMANTICS 8). */
  readonly localhostNodePorts: boolean
  readonly servers: ServersConfig
  /** Of this process, -1000 to 1000. */
  readonly oomScoreAdj: number
  readonly conntrack: ConntrackConfig
  readonly logLevel: LogLevel
  /** The whole KubeProxyConfiguration as it is in force, for `/configz`: JSON, with `apiVersion` and `kind`. */
  readonly kubeProxyConfiguration: KubeProxyConfiguration
}

/** The least important lines that are logged. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The HTTP servers on the node (SEMANTICS 11). */
export interface ServersConfig {
  /** Of `/healthz` and `/livez`; absent: they aren't served. */
  readonly healthz?: SocketAddress
  /** Of `/metrics` and what comes with it; absent: they aren't served. */
  readonly metrics?: SocketAddress
  /** Whether an address that can't be had at the start ends the process, rather than being tried again. */
  readonly bindAddressHardFail: boolean
  /** Whether the metrics server has `/debug/pprof`. */
  readonly enableProfiling: boolean
  /** `1.36`: metrics that were hidden since then are shown; empty: none. */
  readonly showHiddenMetricsForVersion: string
}

/** The node's conntrack sysctls (SEMANTICS 17). */
export interface ConntrackConfig {
  /** Entries for each CPU; 0: the limit stays as it is, whatever `min` is. */
  readonly maxPerCore: number
  /** Entries at least. */
  readonly min: number
  /** Milliseconds, as the other timeouts; 0: stays as it is. */
  readonly tcpEstablishedTimeout: number
  readonly tcpCloseWaitTimeout: number
  readonly udpTimeout: number
  readonly udpStreamTimeout: number
  /** Whether packets outside of the window are let through. */
  readonly tcpBeLiberal: boolean
}

/** kube-proxy's `kubeproxy.config.k8s.io/v1alpha1`, as JSON. */
export type KubeProxyConfiguration = Readonly<Record<string, unknown>>

export type SourceConfig =
  | ({ readonly from: 'kubeconfig'; readonly path: string } & ApiServerConfig)
  | ({ readonly from: 'inCluster' } & ApiServerConfig)
  | { readonly from: 'file'; readonly path: string }
  /** `speed`: how many times as fast as it was recorded. */
  | { readonly from: 'recording'; readonly path: string; readonly speed: number }

export interface ApiServerConfig {
  /** The API server's URL in place of that of the kubeconfig, or of the `kubernetes` Service. */
  readonly server?: string
  /** It is asked for JSON, and not for protobuf. */
  readonly json?: true
}

/** kube-proxy's detectLocalMode: how local pods are told from other sources (SEMANTICS 9). */
export type PodDetection =
  | { readonly mode: 'ClusterCIDR'; readonly cidrs: readonly Cidr[] }
  | { readonly mode: 'NodeCIDR' }
  | { readonly mode: 'BridgeInterface'; readonly name: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }

export type PodDetectionMode = PodDetection['mode']
