import type { ApiObject } from '@portolan/api-server'
import { type Family, families, network, podAddress, remotePodAddress } from '@portolan/lab'

/** The cluster that the faults befall, in Services of both families. */

export const nodeName = 'node-under-test'
export const port = 80
/** Where the endpoints of a Service listen. */
export const targets = { tcp: 8080, udp: 8081, flow: 8082 } as const
/** Of a Service for flows that keep their client's port. */
export const flowPort = 81

export interface ServiceAddresses {
  readonly name: string
  readonly clusterIPs: Readonly<Record<Family, string>>
  /** Absent: it has none. */
  readonly nodePort?: number
}

function addressesOf(name: string, number: number, nodePort?: number): ServiceAddresses {
  return {
    name,
    clusterIPs: { IPv4: `10.96.7.${number}`, IPv6: `fd00:10:96::7:${number.toString(16)}` },
    ...(nodePort === undefined ? {} : { nodePort }),
  }
}

/** Never changes: whatever happens, its packets go on. */
export const steady = addressesOf('steady', 1, 30_080)
/** Changes its endpoint. */
export const moving = addressesOf('moving', 2, 30_081)
/** One of them is there, each in its turn. Three, so that two turns don't come to what was before. */
export const inTurn = [
  addressesOf('first', 3, 30_082),
  addressesOf('second', 4, 30_083),
  addressesOf('third', 6, 30_085),
] as const
/** Never changes either, and answers at an address of a load balancer as well. */
export const balanced = addressesOf('balanced', 8, 30_086)
export const balancerAddresses = { IPv4: '192.0.2.80', IPv6: '2001:db8:80::80' } as const
/** Has an endpoint in each of two zones, with hints. */
export const zoned = addressesOf('zoned', 5)

/** The hosts of the lab where endpoints are. */
export type Place = 'pod0' | 'remote'

export const zones: Readonly<Record<Place, string>> = { pod0: 'zone-a', remote: 'zone-b' }

export function endpointAddress(place: Place, family: Family): string {
  return place === 'pod0' ? podAddress(family, 0) : remotePodAddress(family, 0)
}

export function nodeObject(zone: string, podCidrs?: readonly string[]): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'topology.kubernetes.io/zone': zone } },
    spec: podCidrs === undefined ? {} : { podCIDR: podCidrs[0], podCIDRs: podCidrs },
    status: {
      addresses: families.map((family) => ({ type: 'InternalIP', address: network[family].node.uplink })),
    },
  }
}

export function steadyObjects(): ApiObject[] {
  const ports = [
    { name: 'tcp', protocol: 'TCP', port, targetPort: targets.tcp, nodePort: steady.nodePort },
    { name: 'udp', protocol: 'UDP', port, targetPort: targets.udp, nodePort: steady.nodePort },
    { name: 'flow', protocol: 'UDP', port: flowPort, targetPort: targets.flow, nodePort: 30_084 },
  ]
  return [serviceOf(steady, ports), ...slicesOf(steady, ports, ['pod0', 'remote'])]
}

export function balancedObjects(): ApiObject[] {
  const ports = [
    { name: 'tcp', protocol: 'TCP', port, targetPort: targets.tcp, nodePort: balanced.nodePort },
    { name: 'flow', protocol: 'UDP', port: flowPort, targetPort: targets.flow, nodePort: 30_087 },
  ]
  const service = serviceOf(balanced, ports)
  Object.assign(service.spec as object, { type: 'LoadBalancer' })
  const ingress = families.map((family) => ({ ip: balancerAddresses[family] }))
  return [
    { ...service, status: { loadBalancer: { ingress } } },
    ...slicesOf(balanced, ports, ['pod0', 'remote']),
  ]
}

export function tcpService(service: ServiceAddresses, places: readonly Place[]): ApiObject[] {
  const ports = [
    {
      ...{ name: 'tcp', protocol: 'TCP', port, targetPort: targets.tcp },
      ...(service.nodePort === undefined ? {} : { nodePort: service.nodePort }),
    },
  ]
  return [serviceOf(service, ports), ...slicesOf(service, ports, places)]
}

export function zonedObjects(): ApiObject[] {
  const hinted = tcpService(zoned, ['pod0', 'remote'])
  for (const object of hinted)
    if (object.kind === 'EndpointSlice')
      for (const [index, endpoint] of (object.endpoints as Record<string, unknown>[]).entries()) {
        const zone = zones[index === 0 ? 'pod0' : 'remote']
        Object.assign(endpoint, { zone, hints: { forZones: [{ name: zone }] } })
      }
  return hinted
}

/**
 * A Service that nobody asks, so that there is something to sync.
 *
 * @param turn gives it other endpoints each time
 * @param endpoints in each family, 200 at most
 */
export function fillerObjects(number: number, turn: number, endpoints = 3): ApiObject[] {
  const name = `filler-${number}`
  const clusterIPs = {
    IPv4: `10.97.${number >> 8}.${number & 255}`,
    IPv6: `fd00:10:96::8:${number.toString(16)}`,
  }
  const ports = [{ name: 'tcp', protocol: 'TCP', port, targetPort: targets.tcp }]
  const service = { name, clusterIPs }
  return [serviceOf(service, ports), ...fillerSlices(number, turn, endpoints)]
}

export function fillerSlices(number: number, turn: number, endpoints = 3): ApiObject[] {
  const ports = [{ name: 'tcp', protocol: 'TCP', targetPort: targets.tcp }]
  return families.map((family) => {
    const addresses = Array.from({ length: endpoints }, (_, index) =>
      remotePodAddress(family, 10 + ((number + turn + index) % 200)),
    )
    return sliceOf(`filler-${number}`, family, ports, addresses)
  })
}

interface Port {
  readonly name: string
  readonly protocol: string
  readonly targetPort: number
}

function serviceOf({ name, clusterIPs, nodePort }: ServiceAddresses, ports: readonly object[]): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name },
    spec: {
      type: nodePort === undefined ? 'ClusterIP' : 'NodePort',
      clusterIP: clusterIPs.IPv4,
      clusterIPs: [clusterIPs.IPv4, clusterIPs.IPv6],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      ports,
    },
  }
}

function slicesOf({ name }: ServiceAddresses, ports: readonly Port[], places: readonly Place[]): ApiObject[] {
  return families.map((family) =>
    sliceOf(
      name,
      family,
      ports,
      places.map((place) => endpointAddress(place, family)),
    ),
  )
}

function sliceOf(
  name: string,
  family: Family,
  ports: readonly Port[],
  addresses: readonly string[],
): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: 'shop',
      name: `${name}-${family.toLowerCase()}`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: family,
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: ports.map((one) => ({ name: one.name, protocol: one.protocol, port: one.targetPort })),
  }
}

/** Many more Services, for a while. */
export const bulkNames: readonly string[] = Array.from({ length: 1500 }, (_, index) => `bulk-${index}`)

export function bulkObjects(name: string, number: number): ApiObject[] {
  const clusterIPs = {
    IPv4: `10.98.${number >> 8}.${number & 255}`,
    IPv6: `fd00:10:96::9:${number.toString(16)}`,
  }
  const ports = [{ name: 'tcp', protocol: 'TCP', port, targetPort: targets.tcp }]
  return [
    serviceOf({ name, clusterIPs }, ports),
    ...slicesOf({ name, clusterIPs }, ports, ['pod0', 'remote']),
  ]
}
