/** Services of 3 endpoints each on a lab's node, to measure the eBPF dataplane alone. */
import type { Address, RouteChange, RouteKey, RoutingTable, ServiceRoute, TableChange } from '@portolan/core'
import { emptyTable } from '@portolan/core'
import { network } from '@portolan/lab'

const nothing = { added: [], removed: [] }

export function nodeAddresses(): Pick<RoutingTable, 'localAddresses' | 'nodePortAddresses'> {
  const { uplink, remote, internet } = network.IPv4.node
  return {
    localAddresses: new Set([uplink, remote, internet] as Address[]),
    nodePortAddresses: new Set([uplink] as Address[]),
  }
}

export function vip(number: number): Address {
  return `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}` as Address
}

export function generatedTable(services: number): RoutingTable {
  const routes = Array.from({ length: services }, (_, number) => generatedRoute(number, 0))
  return {
    ...emptyTable('IPv4', { by: 'none' }),
    ...nodeAddresses(),
    routes: new Map(routes.map((route) => [route.key, route])),
    clusterIPs: new Set(routes.map((_, number) => vip(number))),
  }
}

/** Its endpoints are in the remote node's pods; one differs from version to version. */
export function generatedRoute(number: number, version: number): ServiceRoute {
  const balance = (masquerade: boolean) => ({ do: 'balance', over: 'cluster', masquerade }) as const
  const name = `bench/service-${number}`
  // One in a thousand, from number 500 on, is there for connects to measure.
  const protocol = number % 1000 === 500 ? 'UDP' : 'TCP'
  return {
    key: `${name}/${protocol}` as RouteKey,
    name,
    protocol,
    family: 'IPv4',
    endpoints: {
      cluster: [2, 3, 4 + (version & 127)].map((host) => ({
        address: `10.1.1.${host}` as Address,
        port: 8080,
        local: false,
      })),
      local: [],
    },
    frontends: [
      {
        kind: 'ClusterIP',
        address: vip(number),
        port: 80,
        verdicts: { pod: balance(false), node: balance(true), outside: balance(true) },
      },
    ],
  }
}

/** What the core would tell of changed routes. */
export function changeOf(table: RoutingTable, routes: readonly RouteChange[]): TableChange {
  return {
    family: 'IPv4',
    table,
    routes,
    clusterIPs: nothing,
    serviceCidrs: nothing,
    nodePortAddresses: nothing,
    hairpinAddresses: nothing,
    healthCheckNodePorts: nothing,
    localAddresses: nothing,
    triggerTimes: [],
  }
}
