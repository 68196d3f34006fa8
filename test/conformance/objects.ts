import type { IpFamily } from '@portolan/core'
import type { Protocol } from '@portolan/lab'
import { servicePort } from './place.ts'

/** The node that the dataplane works on, and another one, by their Kubernetes names. */
export const thisNode = 'this-node'
export const otherNode = 'other-node'
export const thisZone = 'zone-a'
export const otherZone = 'zone-b'

export const namespace = 'conformance'

type Policy = 'Cluster' | 'Local'

/** What of a Service a case decides. Addresses and numbers come from its place (see place.ts). */
export interface ServiceShape {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly clusterIPs: Readonly<Partial<Record<IpFamily, string>>>
  readonly ports: readonly ServicePortShape[]
  readonly externalIPs?: readonly string[]
  readonly loadBalancer?: readonly { readonly ip: string; readonly ipMode?: 'VIP' | 'Proxy' }[]
  readonly sourceRanges?: readonly string[]
  readonly internalTrafficPolicy?: Policy
  readonly externalTrafficPolicy?: Policy
  readonly affinitySeconds?: number
  /** RFC 3339; decides between Services that claim the same address. */
  readonly createdAt?: string
}

export interface ServicePortShape {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
  readonly nodePort?: number
}

/** The ports of a Service that speaks SCTP alone. */
export function sctpPorts(nodePort: number): readonly ServicePortShape[] {
  return [{ name: 'sctp', protocol: 'SCTP', port: servicePort, nodePort }]
}

/** A Service as the API server would serve it. */
export function service(shape: ServiceShape): object {
  const families = (['IPv4', 'IPv6'] as const).filter((family) => shape.clusterIPs[family] !== undefined)
  const addresses = families.map((family) => shape.clusterIPs[family])
  const type =
    shape.loadBalancer !== undefined
      ? 'LoadBalancer'
      : shape.ports.some(({ nodePort }) => nodePort !== undefined)
        ? 'NodePort'
        : 'ClusterIP'
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace,
      name: shape.name,
      labels: shape.labels ?? {},
      creationTimestamp: shape.createdAt ?? '2026-01-01T00:00:00Z',
    },
    spec: {
      type,
      clusterIP: addresses[0],
      clusterIPs: addresses,
      ipFamilies: families,
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: shape.ports,
      externalIPs: shape.externalIPs ?? [],
      loadBalancerSourceRanges: shape.sourceRanges ?? [],
      internalTrafficPolicy: shape.internalTrafficPolicy ?? 'Cluster',
      externalTrafficPolicy: shape.externalTrafficPolicy ?? 'Cluster',
      sessionAffinity: shape.affinitySeconds === undefined ? 'None' : 'ClientIP',
      ...(shape.affinitySeconds === undefined
        ? {}
        : { sessionAffinityConfig: { clientIP: { timeoutSeconds: shape.affinitySeconds } } }),
    },
    status: { loadBalancer: { ingress: shape.loadBalancer ?? [] } },
  }
}

export interface SliceShape {
  /** Unique among the slices of all Services. */
  readonly name: string
  readonly service: string
  readonly family: IpFamily
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
  readonly endpoints: readonly SliceEndpointShape[]
}

export interface SliceEndpointShape {
  readonly address: string
  readonly nodeName?: string
  /** Left out means what the API says it means. */
  readonly conditions?: {
    readonly ready?: boolean
    readonly serving?: boolean
    readonly terminating?: boolean
  }
  readonly zoneHints?: readonly string[]
  readonly nodeHints?: readonly string[]
}

/** An EndpointSlice as the API server would serve it. */
export function endpointSlice(shape: SliceShape): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: shape.name,
      labels: { 'kubernetes.io/service-name': shape.service },
    },
    addressType: shape.family,
    ports: shape.ports,
    endpoints: shape.endpoints.map(({ address, nodeName, conditions, zoneHints, nodeHints }) => ({
      addresses: [address],
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(conditions === undefined ? {} : { conditions }),
      ...(zoneHints === undefined && nodeHints === undefined
        ? {}
        : {
            hints: {
              ...(zoneHints === undefined ? {} : { forZones: zoneHints.map((name) => ({ name })) }),
              ...(nodeHints === undefined ? {} : { forNodes: nodeHints.map((name) => ({ name })) }),
            },
          }),
    })),
  }
}

export function node(addresses: readonly string[], podCidrs: readonly string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: thisNode, labels: { 'topology.kubernetes.io/zone': thisZone } },
    spec: { podCIDR: podCidrs[0], podCIDRs: podCidrs },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  }
}

export function serviceCidr(cidrs: readonly string[], name = 'kubernetes'): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name },
    spec: { cidrs },
  }
}
