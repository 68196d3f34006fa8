import type { IpFamily } from '@portolan/core'
import { network } from '@portolan/lab'
import { at, type Destination, type EndpointShape, type MatrixCase } from './matrix-case.ts'
import { endpointSlice, otherNode, type ServiceShape, service, thisNode } from './objects.ts'
import {
  addressOf,
  contestedExternalIP,
  isLocalHost,
  otherPort,
  type Place,
  place,
  servicePort,
  unallocatedClusterIP,
} from './place.ts'

/** The Service that a case is about: it has every kind of frontend unless the case says otherwise. */
export function serviceShape(place: Place, overrides: Partial<ServiceShape> = {}): ServiceShape {
  const { name, clusterIP, externalIP, loadBalancerIP, nodePort } = place
  return {
    name,
    clusterIPs: clusterIP,
    ports: [
      { name: 'tcp', protocol: 'TCP', port: servicePort, nodePort },
      { name: 'udp', protocol: 'UDP', port: servicePort, nodePort },
    ],
    externalIPs: [externalIP.IPv4, externalIP.IPv6],
    loadBalancer: [{ ip: loadBalancerIP.IPv4 }, { ip: loadBalancerIP.IPv6 }],
    ...overrides,
  }
}

/** All objects of a case. */
export function caseObjects({ service: overrides, endpoints }: MatrixCase, place: Place): object[] {
  const shape = serviceShape(place, overrides?.(place))
  return [service(shape), ...slices(shape, place, endpoints)]
}

/** The objects of a Service with one endpoint here and one elsewhere, at the place of this number. */
export function steadyObjects(number: number): object[] {
  return caseObjects({ endpoints: at('pod0', 'remote0'), rows: [] }, place(number))
}

/** The EndpointSlices of a Service: one for each family and each number that endpoints name as their slice. */
export function slices(shape: ServiceShape, place: Place, endpoints: readonly EndpointShape[]): object[] {
  const numbers = [...new Set(endpoints.map(({ slice = 0 }) => slice))]
  return (['IPv4', 'IPv6'] as const).flatMap((family) =>
    numbers.map((number) => {
      const members = endpoints.filter(({ slice = 0 }) => slice === number)
      const port = place.targetPort + (members[0]?.portOffset ?? 0)
      return endpointSlice({
        name: `${shape.name}-${family.toLowerCase()}-${number}`,
        service: shape.name,
        family,
        ports: shape.ports.map(({ name, protocol }) => ({ name, protocol, port })),
        endpoints: members.map((endpoint) => sliceEndpoint(endpoint, family)),
      })
    }),
  )
}

function sliceEndpoint(endpoint: EndpointShape, family: IpFamily) {
  const { host, ready, serving, terminating, zoneHints, nodeHints } = endpoint
  const conditions = {
    ...(ready === undefined ? {} : { ready }),
    ...(serving === undefined ? {} : { serving }),
    ...(terminating === undefined ? {} : { terminating }),
  }
  return {
    address: addressOf(host, family),
    nodeName: isLocalHost(host) ? thisNode : otherNode,
    ...(Object.keys(conditions).length === 0 ? {} : { conditions }),
    ...(zoneHints === undefined ? {} : { zoneHints }),
    ...(nodeHints === undefined ? {} : { nodeHints }),
  }
}

export interface Target {
  readonly address: string
  readonly port: number
  readonly ping?: true
}

/** Where a destination of a case lies. */
export function targetOf(to: Destination, place: Place, family: IpFamily): Target {
  const { node } = network[family]
  const external = place.externalIP[family]
  const loadBalancer = place.loadBalancerIP[family]
  switch (to) {
    case 'ClusterIP':
      return { address: place.clusterIP[family], port: servicePort }
    case 'ExternalIP':
      return { address: external, port: servicePort }
    case 'LoadBalancer':
      return { address: loadBalancer, port: servicePort }
    case 'NodePort':
      return { address: node.uplink, port: place.nodePort }
    case 'NodePort elsewhere':
      return { address: node.remote, port: place.nodePort }
    case 'NodePort at loopback':
      return { address: family === 'IPv4' ? '127.0.0.1' : '::1', port: place.nodePort }
    case 'ClusterIP, other port':
      return { address: place.clusterIP[family], port: otherPort }
    case 'ExternalIP, other port':
      return { address: external, port: otherPort }
    case 'LoadBalancer, other port':
      return { address: loadBalancer, port: otherPort }
    case 'ClusterIP, ping':
      return { address: place.clusterIP[family], port: otherPort, ping: true }
    case 'LoadBalancer, ping':
      return { address: loadBalancer, port: otherPort, ping: true }
    case 'unallocated ClusterIP':
      return { address: unallocatedClusterIP[family], port: servicePort }
    case 'ExternalIP of the node':
      return { address: node.remote, port: servicePort }
    case 'contested ExternalIP':
      return { address: contestedExternalIP[family], port: servicePort }
  }
}
