import type { RoutingTable, ServiceRoute, Verdict } from '@portolan/core'
import type { Behaviour } from './behaviour-mutant.ts'

/** How it understands every table wrongly. */
export type Mutate = (table: RoutingTable) => RoutingTable

/** What it then does, whichever dataplane it is. */
export const understanding =
  (mutate: Mutate): Behaviour =>
  ({ compile, reconcile }) => ({
    compile: (change) => compile(mutate(change.table)),
    reconcile: (observed, table) => reconcile(observed, mutate(table)),
  })

export const routes = (change: (route: ServiceRoute) => ServiceRoute): Mutate => {
  const known = new WeakMap<ServiceRoute, ServiceRoute>()
  return (table) => ({
    ...table,
    clusterIPs: new Set(table.clusterIPs),
    serviceCidrs: new Set(table.serviceCidrs),
    nodePortAddresses: new Set(table.nodePortAddresses),
    hairpinAddresses: new Set(table.hairpinAddresses),
    localAddresses: new Set(table.localAddresses),
    frontends: new Map(table.frontends),
    routes: new Map(
      [...table.routes].map(([key, route]) => {
        const wrong = known.get(route) ?? change(route)
        known.set(route, wrong)
        return [key, wrong]
      }),
    ),
  })
}

export const verdicts = (change: (verdict: Verdict) => Verdict): Mutate =>
  routes((route) => ({
    ...route,
    frontends: route.frontends.map((frontend) => ({
      ...frontend,
      verdicts: {
        pod: change(frontend.verdicts.pod),
        node: change(frontend.verdicts.node),
        outside: change(frontend.verdicts.outside),
      },
    })),
  }))

export const withoutSourceRanges = routes((route) => ({
  ...route,
  frontends: route.frontends.map(({ allowedSources: _, ...frontend }) => frontend),
}))
