import { type Address, cidrContains } from '../network/address.ts'
import type { Protocol } from '../network/protocol.ts'
import { isLoopback } from '../network/special-addresses.ts'
import type { RoutingTable } from './routing-table.ts'
import {
  type Endpoint,
  type EndpointScope,
  type Frontend,
  frontendKey,
  type ServiceRoute,
  type SourceClass,
} from './service-route.ts'

/** The first packet of a connection. */
export interface Packet {
  readonly protocol: Protocol
  readonly source: Address
  /** Told by the caller when it knows; else from the source address and the table (see `classifySource`). */
  readonly sourceClass?: SourceClass
  /** The interface it came in by; absent for a packet that this node made. */
  readonly inputInterface?: string
  readonly destination: Address
  readonly port: number
}

/** What must happen to a packet: the reference that dataplanes are compared with. */
export type Evaluation =
  | {
      readonly verdict: 'balance'
      readonly endpoints: readonly Endpoint[]
      readonly over: EndpointScope
      /** Whether the endpoint sees the node's address. Hairpin is on top: an endpoint that reaches itself always is. */
      readonly masquerade: boolean
      readonly packet: Packet
      readonly sourceClass: SourceClass
      readonly route: ServiceRoute
      readonly frontend: Frontend
    }
  | {
      readonly verdict: 'reject' | 'drop'
      /** `verdict`: the frontend says so; `allowedSources`: the client is in none of its ranges. */
      readonly because: 'verdict' | 'allowedSources'
      readonly packet: Packet
      readonly sourceClass: SourceClass
      readonly route: ServiceRoute
      readonly frontend: Frontend
    }
  | {
      readonly verdict: 'reject' | 'drop'
      /** `otherPort`: an active ClusterIP without such a port; `unallocated`: no Service has this ClusterIP. */
      readonly because: 'otherPort' | 'unallocated'
      readonly packet: Packet
      readonly sourceClass: SourceClass
    }
  | { readonly verdict: 'none'; readonly packet: Packet; readonly sourceClass: SourceClass }

/**
 * What must happen to the first packet of a connection: the meaning of a routing table, and the reference that every
 * dataplane is compared with. `none` means that the packet is none of our business.
 *
 * Addresses of Services go before NodePorts (SEMANTICS 8), and both before the rules for the rest of the ClusterIP
 * ranges (SEMANTICS 6).
 */
export function evaluate(table: RoutingTable, packet: Packet): Evaluation {
  const sourceClass = classifySource(table, packet)
  const { destination: address, protocol, port } = packet
  // Others reach no loopback address of this node.
  if (isLoopback(address) && sourceClass !== 'node') return { verdict: 'none', packet, sourceClass }
  const found = findFrontend(table, { address, protocol, port })
  if (found !== undefined) return evaluateFrontend(found.route, found.frontend, packet, sourceClass)
  // An agent may have bound a ClusterIP to an interface of this node (NodeLocal DNSCache): that is the agent's then.
  if (table.localAddresses.has(packet.destination)) return { verdict: 'none', packet, sourceClass }
  if (table.clusterIPs.has(packet.destination)) {
    return { verdict: 'reject', because: 'otherPort', packet, sourceClass }
  }
  for (const range of table.serviceCidrs) {
    if (cidrContains(range, packet.destination)) {
      return { verdict: 'drop', because: 'unallocated', packet, sourceClass }
    }
  }
  return { verdict: 'none', packet, sourceClass }
}

/**
 * Who a packet is from, if the caller doesn't say. A local pod first: an address of the node that lies in the pods'
 * range (a bridge's) counts as a pod's, as in kube-proxy.
 */
export function classifySource(table: RoutingTable, packet: Packet): SourceClass {
  if (packet.sourceClass !== undefined) return packet.sourceClass
  if (isFromPod(table, packet)) return 'pod'
  return table.localAddresses.has(packet.source) ? 'node' : 'outside'
}

function isFromPod({ podSource }: RoutingTable, packet: Packet): boolean {
  switch (podSource.by) {
    case 'none':
      return false
    case 'cidr':
      return cidrContains(podSource.cidr, packet.source)
    case 'interface':
      return packet.inputInterface === podSource.name
    case 'interfacePrefix':
      return packet.inputInterface?.startsWith(podSource.prefix) ?? false
  }
}

/** The frontend that answers at a destination: addresses of Services go before NodePorts (SEMANTICS 8). */
export function findFrontend(
  table: RoutingTable,
  {
    address,
    protocol,
    port,
  }: { readonly address: Address; readonly protocol: Protocol; readonly port: number },
): { readonly route: ServiceRoute; readonly frontend: Frontend } | undefined {
  const vip = table.frontends.get(frontendKey(address, protocol, port))
  const nodePort = table.nodePortAddresses.has(address)
    ? table.frontends.get(frontendKey(undefined, protocol, port))
    : undefined
  const key = vip ?? nodePort
  const route = key === undefined ? undefined : table.routes.get(key)
  const at = vip === undefined ? undefined : address
  const frontend = route?.frontends.find((one) => one.port === port && one.address === at)
  return route === undefined || frontend === undefined ? undefined : { route, frontend }
}

function evaluateFrontend(
  route: ServiceRoute,
  frontend: Frontend,
  packet: Packet,
  sourceClass: SourceClass,
): Evaluation {
  const { allowedSources, verdicts } = frontend
  const facts = { packet, sourceClass, route, frontend }
  if (allowedSources !== undefined && !allowedSources.some((range) => cidrContains(range, packet.source))) {
    return { verdict: 'drop', because: 'allowedSources', ...facts }
  }
  const verdict = verdicts[sourceClass]
  if (verdict.do !== 'balance') return { verdict: verdict.do, because: 'verdict', ...facts }
  const { over, masquerade } = verdict
  return { verdict: 'balance', endpoints: route.endpoints[over], over, masquerade, ...facts }
}
