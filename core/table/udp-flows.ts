import type { Address } from '../network/address.ts'
import type { RoutingTable } from './routing-table.ts'
import type { Frontend, RouteKey } from './service-route.ts'

/**
 * Flows of UDP outlive the endpoint that they were led to: nothing ends them, and a client that keeps its source port keeps
 * them alive. What is here says which of them have to be forgotten, so that the client's next datagram is led anew
 * (SEMANTICS 12): those to a destination of a Service that are answered by none of its servers, because their endpoint
 * has gone or has another port, or because they began before the destination was one.
 */
export interface UdpFlows {
  /** Flows to anywhere else are not Portolan's. */
  readonly destinations: readonly UdpDestination[]
  /** Which flows may have become stale since the last pass: others need not be looked at. Absent: any. */
  readonly suspects?: FlowSuspects
  /**
   * Aborted when the pass is to end early: it has taken too long, and the same flows are for the next one; or the process
   * ends, and the next process begins with a whole one.
   */
  readonly signal: AbortSignal
}

export interface FlowAddress {
  readonly address: Address
  readonly port: number
}

/** Flows by their ends: of each list, a flow at one of its addresses. */
export interface FlowSuspects {
  /** Servers that have gone, where their answers come from before these are translated back. */
  readonly answeredBy: readonly FlowAddress[]
  /** Destinations that have come. */
  readonly sentTo: readonly FlowAddress[]
}

/** Where clients send datagrams. */
export interface UdpDestination extends FlowAddress {
  /**
   * Who may answer. To be asked for each flow, because it changes while a pass goes on; the same list as long as it says
   * the same. `undefined`: the destination is no longer that Service's, and its flows are left alone.
   */
  servers(): readonly FlowAddress[] | undefined
}

/**
 * Of each route of UDP the endpoints that serve, whether or not they are ready, terminating, or where a policy or topology
 * would have a new flow go: a flow that has begun stays with its endpoint for as long as that serves. Empty: no flow may
 * go on.
 */
export type UdpServers = ReadonlyMap<RouteKey, readonly FlowAddress[]>

/** All destinations of UDP of a table. */
export function udpDestinations(
  table: Pick<RoutingTable, 'routes' | 'nodePortAddresses'>,
  servers: UdpServers,
): UdpDestination[] {
  const destinations: UdpDestination[] = []
  for (const key of servers.keys()) {
    const route = table.routes.get(key)
    if (route === undefined) continue
    for (const frontend of route.frontends)
      for (const { address, port } of frontendAddresses([frontend], table.nodePortAddresses)) {
        // The table changes while a pass goes on: an address or port may go to another Service, whose flows these are then.
        const isStill = () => answersAt(table, key, frontend, address)
        destinations.push({ address, port, servers: () => (isStill() ? servers.get(key) : undefined) })
      }
  }
  return destinations
}

function answersAt(
  { routes, nodePortAddresses }: Pick<RoutingTable, 'routes' | 'nodePortAddresses'>,
  key: RouteKey,
  { address, port }: Frontend,
  at: Address,
): boolean {
  const has = routes.get(key)?.frontends.some((one) => one.address === address && one.port === port) ?? false
  return has && (address !== undefined || nodePortAddresses.has(at))
}

/** Where frontends answer: a NodePort at each of the node's addresses for them. */
export function* frontendAddresses(
  frontends: readonly Frontend[],
  nodePortAddresses: ReadonlySet<Address>,
): Generator<FlowAddress> {
  for (const { address, port } of frontends) {
    if (address !== undefined) yield { address, port }
    else for (const nodeAddress of nodePortAddresses) yield { address: nodeAddress, port }
  }
}

export function flowAddressKey({ address, port }: FlowAddress): string {
  return `${address}|${port}`
}
