import type { Address, Cidr, IpFamily } from '../network/address.ts'
import type { RoutingTable } from './routing-table.ts'
import type { RouteKey, ServiceRoute } from './service-route.ts'

/** The precise difference between the table that was last applied and the one that holds now. */
export interface TableChange {
  readonly family: IpFamily
  /** The complete table after the change. */
  readonly table: RoutingTable
  readonly routes: readonly RouteChange[]
  readonly clusterIPs: SetChange<Address>
  readonly serviceCidrs: SetChange<Cidr>
  readonly nodePortAddresses: SetChange<Address>
  readonly hairpinAddresses: SetChange<Address>
  readonly healthCheckNodePorts: SetChange<number>
  readonly localAddresses: SetChange<Address>
  /** When the causes of this change happened, by the cluster's clock (milliseconds since the epoch). */
  readonly triggerTimes: readonly number[]
}

/** `before` absent: a new route; `after` absent: a removed one. Never equal to each other. */
export interface RouteChange {
  readonly key: RouteKey
  readonly before?: ServiceRoute
  readonly after?: ServiceRoute
}

export interface SetChange<Value> {
  readonly added: readonly Value[]
  readonly removed: readonly Value[]
}
