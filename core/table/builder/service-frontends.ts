import type { ServicePort, ServiceRecord } from '../../cluster/records.ts'
import { type Address, familyOf, type IpFamily } from '../../network/address.ts'
import { type FrontendKey, type FrontendKind, frontendKey, type RouteKey } from '../service-route.ts'

/** A destination that a Service wants to answer at. */
export interface Destination {
  readonly key: FrontendKey
  readonly kind: FrontendKind
  /** Absent for a NodePort. */
  readonly address?: Address
  readonly port: number
}

/** The Service's ClusterIP in the family. Without one the Service doesn't exist in that family (SEMANTICS 2). */
export function clusterIPOf(service: ServiceRecord, family: IpFamily): Address | undefined {
  return service.clusterIPs.find((address) => familyOf(address) === family)
}

export function routeKeyOf(service: ServiceRecord, port: ServicePort): RouteKey {
  return `${service.key}:${port.name}/${port.protocol}` as RouteKey
}

/** The key of the Service that a route is of; names of objects and ports hold no colon. */
export function serviceKeyOf(route: RouteKey): string {
  return route.slice(0, route.indexOf(':'))
}

/**
 * All destinations of one port in one family. An address that is listed in several roles counts in the first one of:
 * ClusterIP, load balancer, external IP. The load balancer goes before the external IP because its source ranges are
 * the stricter reading: an address that was to be guarded is never open through the other door.
 */
export function destinationsOf(
  service: ServiceRecord,
  port: ServicePort,
  family: IpFamily,
): readonly Destination[] {
  const clusterIP = clusterIPOf(service, family)
  if (clusterIP === undefined) return []
  const destinations = [vip('ClusterIP', clusterIP, port)]
  const add = (kind: FrontendKind, addresses: readonly Address[]): void => {
    for (const address of addresses) {
      if (familyOf(address) !== family) continue
      if (!destinations.some((known) => known.address === address)) {
        destinations.push(vip(kind, address, port))
      }
    }
  }
  add('LoadBalancer', service.loadBalancerIPs)
  add('ExternalIP', service.externalIPs)
  if (port.nodePort !== 0) {
    const key = frontendKey(undefined, port.protocol, port.nodePort)
    destinations.push({ key, kind: 'NodePort', port: port.nodePort })
  }
  return destinations
}

function vip(kind: FrontendKind, address: Address, port: ServicePort): Destination {
  return { key: frontendKey(address, port.protocol, port.port), kind, address, port: port.port }
}

/** In which role a Service has an address; a destination without one is a NodePort. */
export function kindOfDestination(service: ServiceRecord, key: FrontendKey): FrontendKind {
  const address = key.slice(0, key.indexOf('|'))
  if (address === '') return 'NodePort'
  if (service.clusterIPs.some((known) => known === address)) return 'ClusterIP'
  return service.loadBalancerIPs.some((known) => known === address) ? 'LoadBalancer' : 'ExternalIP'
}
