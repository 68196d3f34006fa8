import type {
  ClusterRecord,
  NodeRecord,
  ServiceCidrRecord,
  ServiceRecord,
  SliceEndpoint,
  SliceRecord,
} from '../../cluster/records.ts'
import { familyOf } from '../../network/address.ts'

/** The least API object of which the parsers make a certain record again; plain JSON. */
export interface RecordObject {
  readonly apiVersion: string
  readonly kind: ClusterRecord['kind']
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
  }
  readonly [member: string]: unknown
}

/**
 * A record as an API object, so that recordings are in the terms of Kubernetes, which a reader knows already: parsing it
 * gives the record back, but for the trigger time, which would be wrong whenever it is played.
 */
export function recordObject(record: ClusterRecord): RecordObject {
  switch (record.kind) {
    case 'Service':
      return serviceObject(record)
    case 'EndpointSlice':
      return sliceObject(record)
    case 'Node':
      return nodeObject(record)
    case 'ServiceCIDR':
      return serviceCidrObject(record)
  }
}

/** An endpoint of an EndpointSlice, as the API has it; what has its usual value is left out. */
export function endpointObject(endpoint: SliceEndpoint): object {
  const { address, ready, serving, terminating, nodeName, zoneHints, nodeHints } = endpoint
  const usual = ready && serving && !terminating
  const hints = {
    ...(zoneHints.length === 0 ? {} : { forZones: zoneHints.map((name) => ({ name })) }),
    ...(nodeHints.length === 0 ? {} : { forNodes: nodeHints.map((name) => ({ name })) }),
  }
  return {
    addresses: [address],
    ...(usual ? {} : { conditions: { ready, serving, terminating } }),
    ...(nodeName === '' ? {} : { nodeName }),
    ...(Object.keys(hints).length === 0 ? {} : { hints }),
  }
}

function serviceObject(record: ServiceRecord): RecordObject {
  const { createdAt, clusterIPs, externalIPs, loadBalancerIPs, sourceRanges, ports, affinitySeconds } = record
  const { internalTrafficPolicy, externalTrafficPolicy, healthCheckNodePort } = record
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...namespacedName(record.key),
      ...(createdAt === 0 ? {} : { creationTimestamp: timestamp(createdAt) }),
    },
    spec: {
      type: serviceType(record),
      ...(clusterIPs[0] === undefined ? {} : { clusterIP: clusterIPs[0] }),
      clusterIPs,
      ipFamilies: clusterIPs.map(familyOf),
      ...(externalIPs.length === 0 ? {} : { externalIPs }),
      ...(sourceRanges.length === 0 ? {} : { loadBalancerSourceRanges: sourceRanges }),
      ports: ports.map(({ name, protocol, port, nodePort }) => ({
        ...(name === '' ? {} : { name }),
        protocol,
        port,
        ...(nodePort === 0 ? {} : { nodePort }),
      })),
      ...(internalTrafficPolicy === 'Cluster' ? {} : { internalTrafficPolicy }),
      ...(externalTrafficPolicy === 'Cluster' ? {} : { externalTrafficPolicy }),
      ...(healthCheckNodePort === 0 ? {} : { healthCheckNodePort }),
      ...(affinitySeconds === undefined
        ? {}
        : {
            sessionAffinity: 'ClientIP',
            sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } },
          }),
    },
    ...(loadBalancerIPs.length === 0
      ? {}
      : { status: { loadBalancer: { ingress: loadBalancerIPs.map((ip) => ({ ip })) } } }),
  }
}

/** The least type that has all that the record has. Of type NodePort every port has one; of type LoadBalancer some may. */
function serviceType(record: ServiceRecord): 'ClusterIP' | 'NodePort' | 'LoadBalancer' {
  const { loadBalancerIPs, sourceRanges, healthCheckNodePort, ports } = record
  if (loadBalancerIPs.length > 0 || sourceRanges.length > 0 || healthCheckNodePort > 0) return 'LoadBalancer'
  if (ports.every(({ nodePort }) => nodePort === 0)) return 'ClusterIP'
  return ports.every(({ nodePort }) => nodePort > 0) ? 'NodePort' : 'LoadBalancer'
}

function sliceObject({ key, serviceKey, family, ports, endpoints }: SliceRecord): RecordObject {
  const service = serviceKey.slice(serviceKey.indexOf('/') + 1)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...namespacedName(key), labels: { 'kubernetes.io/service-name': service } },
    addressType: family,
    ports,
    endpoints: endpoints.map(endpointObject),
  }
}

function nodeObject(node: NodeRecord): RecordObject {
  const { key, zone, addresses, podCidrs, leaving, startupTaint } = node
  const keys = [
    ...(leaving === 'autoscaler' ? ['ToBeDeletedByClusterAutoscaler'] : []),
    ...(startupTaint === true ? ['portolan.dev/not-in-sync'] : []),
  ]
  const spec = {
    ...(podCidrs.length === 0 ? {} : { podCIDRs: podCidrs }),
    ...(keys.length === 0 ? {} : { taints: keys.map((key) => ({ key, effect: 'NoSchedule' })) }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: key,
      ...(zone === '' ? {} : { labels: { 'topology.kubernetes.io/zone': zone } }),
      // That it is being deleted counts, not since when.
      ...(leaving === 'deletion' ? { deletionTimestamp: timestamp(0) } : {}),
    },
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
    ...(addresses.length === 0
      ? {}
      : { status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) } }),
  }
}

function serviceCidrObject({ key, cidrs }: ServiceCidrRecord): RecordObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: key },
    spec: { cidrs },
  }
}

function namespacedName(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** RFC 3339, to the second. */
function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
