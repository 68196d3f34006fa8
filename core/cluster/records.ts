import type { Address, Cidr, IpFamily } from '../network/address.ts'
import type { Protocol } from '../network/protocol.ts'

/**
 * Slim records: what is kept of an API object. Addresses and ranges are canonical, enum values known, defaults
 * applied, so that nothing after the parser has to doubt them.
 */
export type ClusterRecord = ServiceRecord | SliceRecord | NodeRecord | ServiceCidrRecord

export type RecordKind = ClusterRecord['kind']

export const recordKinds: readonly RecordKind[] = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR']

/** One Service that is ours (SEMANTICS 1, 2). A Service that isn't has no record. */
export interface ServiceRecord {
  readonly kind: 'Service'
  /** `namespace/name`. */
  readonly key: string
  /** Seconds since the epoch; 0 when unknown. Decides who gets a frontend that two Services claim. */
  readonly createdAt: number
  /** At most one per family; the family of an address says where it belongs. */
  readonly clusterIPs: readonly Address[]
  readonly externalIPs: readonly Address[]
  /** `status.loadBalancer.ingress` of ipMode VIP. */
  readonly loadBalancerIPs: readonly Address[]
  /** All families mixed, as written; see SEMANTICS 7 for what a family without any means. */
  readonly sourceRanges: readonly Cidr[]
  readonly ports: readonly ServicePort[]
  readonly internalTrafficPolicy: TrafficPolicy
  /** As written; that it counts only for an externally accessible Service is the table's business. */
  readonly externalTrafficPolicy: TrafficPolicy
  /** Absent: no session affinity. */
  readonly affinitySeconds?: number
  /** 0: none. */
  readonly healthCheckNodePort: number
}

export type TrafficPolicy = 'Cluster' | 'Local'

export interface ServicePort {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
  /** 0: none. */
  readonly nodePort: number
}

/** One EndpointSlice (SEMANTICS 3). */
export interface SliceRecord {
  readonly kind: 'EndpointSlice'
  /** `namespace/name`. */
  readonly key: string
  /** `namespace/name` of the Service it belongs to. */
  readonly serviceKey: string
  readonly family: IpFamily
  readonly ports: readonly SlicePort[]
  readonly endpoints: readonly SliceEndpoint[]
  /** From the last-change-trigger-time annotation: milliseconds since the epoch. */
  readonly triggerTime?: number
}

export interface SlicePort {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
}

export interface SliceEndpoint {
  readonly address: Address
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  /** Empty: unknown, so never local. */
  readonly nodeName: string
  readonly zoneHints: readonly string[]
  readonly nodeHints: readonly string[]
}

/** This node's own Node object. */
export interface NodeRecord {
  readonly kind: 'Node'
  /** The node's name. */
  readonly key: string
  /** Label `topology.kubernetes.io/zone`; empty: none. */
  readonly zone: string
  /** `status.addresses` of type InternalIP, then ExternalIP, in their order. */
  readonly addresses: readonly Address[]
  readonly podCidrs: readonly Cidr[]
  /**
   * Why load balancers should no longer send new connections here (SEMANTICS 11): the object is being deleted, or the
   * cluster autoscaler is about to remove the machine. Absent: it stays.
   */
  readonly leaving?: 'deletion' | 'autoscaler'
  /** It has the taint that keeps pods off until Services work here. */
  readonly startupTaint?: true
}

export interface ServiceCidrRecord {
  readonly kind: 'ServiceCIDR'
  readonly key: string
  readonly cidrs: readonly Cidr[]
}

/** Something in the input that can't be used: one clear line, counted; everything else goes on. */
export interface ObjectProblem {
  /** `Service`, `EndpointSlice`, `Node`, `ServiceCIDR`, or what the input calls itself. */
  readonly kind: string
  /** `namespace/name`, shortened where it is longer than a name may be. */
  readonly object: string
  /** `spec.clusterIPs[0]` */
  readonly field: string
  /** The offending value as JSON, shortened. */
  readonly value: string
  /** What is wrong and what would be right. */
  readonly fix: string
  /** `namespace/name` of another Service that `fix` names; not everybody who may read of this one may know of that. */
  readonly rival?: string
  /** Whether the whole object was left out, just this field's value, or a whole file so that what it held before stays. */
  readonly skipped: 'object' | 'value' | 'file'
}

/**
 * A valid object that this proxy doesn't serve, so there is neither a record nor a problem of it (but for `portless`,
 * of which there is a record of what else it has). For `explain`, which says so where it is the reason.
 */
export interface Unserved {
  readonly kind: 'Service' | 'EndpointSlice'
  /** `namespace/name`. */
  readonly object: string
  /**
   * Of a Service: `otherProxy` (the label service-proxy-name), `headless`, `externalName`. Of a slice: `headless` (its
   * label), `fqdn`, `noServiceName` (no label names a Service), `portless` (a port without a number).
   */
  readonly why: 'otherProxy' | 'headless' | 'externalName' | 'fqdn' | 'noServiceName' | 'portless'
  /** Of a slice that names one: `namespace/name` of its Service. */
  readonly serviceKey?: string
  /** Addresses that the Service has or asks for, canonical. */
  readonly addresses?: readonly Address[]
}
