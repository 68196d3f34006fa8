import type { Address } from '../network/address.ts'
import type { RoutingTable } from './routing-table.ts'
import { type Frontend, type FrontendKey, frontendKey, type RouteKey } from './service-route.ts'

/**
 * Flows of UDP outlive the endpoint that they were led to: nothing ends them, and a client that keeps its source port keeps
 * them alive. What is here says which of them have to be forgotten, so that the client's next datagram is led anew
 * (SEMANTICS 12): those to a destination of a Service that are answered by none of its servers, because their endpoint
 * has gone or has another port, or because they began before the destination was one.
 */
export interface UdpFlows {
  /**
   * Who may answer what clients send to an address and port: a list for each Service that may be meant, two where a NodePort
   * is at an address that another Service has as its own. None: no Service's destination, whose flows are left alone. To be
   * asked again in each turn of the event loop, because it changes while a pass goes on; the same list as long as it says
   * the same.
   */
  serversAt(address: Address, port: number): readonly (readonly FlowAddress[])[]
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

/**
 * Of each route of UDP the endpoints that serve, whether or not they are ready, terminating, or where a policy or topology
 * would have a new flow go: a flow that has begun stays with its endpoint for as long as that serves. Empty: no flow may
 * go on.
 */
export type UdpServers = ReadonlyMap<RouteKey, readonly FlowAddress[]>

/** Looks up who may answer flows to an address and port, by a table and the servers beside it: see `UdpFlows`. */
export function udpServersAt(
  { frontends, nodePortAddresses }: Pick<RoutingTable, 'frontends' | 'nodePortAddresses'>,
  servers: UdpServers,
): UdpFlows['serversAt'] {
  return (address, port) => {
    const own = serversOf(frontendKey(address, 'UDP', port))
    const atNode = nodePortAddresses.has(address) ? serversOf(frontendKey(undefined, 'UDP', port)) : undefined
    return [own, atNode].filter((list) => list !== undefined)
  }

  function serversOf(key: FrontendKey): readonly FlowAddress[] | undefined {
    const route = frontends.get(key)
    return route === undefined ? undefined : servers.get(route)
  }
}

/** All destinations of UDP of a table. */
export function* udpDestinations(
  { routes, nodePortAddresses }: Pick<RoutingTable, 'routes' | 'nodePortAddresses'>,
  servers: UdpServers,
): Generator<FlowAddress> {
  for (const key of servers.keys())
    yield* frontendAddresses(routes.get(key)?.frontends ?? [], nodePortAddresses)
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
