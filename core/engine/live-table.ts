import type { Touched } from '../table/diff.ts'
import type { ObservedSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { UdpServers } from '../table/udp-flows.ts'

/** A table that changes in place, and what was touched in it since it was last asked. A `TableBuilder` is one. */
export interface LiveTable {
  readonly table: RoutingTable
  /** Changes in place, with the table. */
  readonly udpServers: UdpServers
  drain(): Touched
  adoptSets(observedSets: () => ObservedSets): void
  adoptOrder(orderOf: (route: ServiceRoute, over: EndpointScope) => readonly string[] | undefined): void
}
