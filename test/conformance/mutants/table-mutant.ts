import type {
  Dataplane,
  DataplaneFactory,
  RoutingTable,
  ServiceRoute,
  TableChange,
  Verdict,
} from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core/table'
import nftables from '@portolan/dataplane-nftables'

/** How it understands every table wrongly. */
export type Mutate = (table: RoutingTable) => RoutingTable

/** The dataplane as it would be if it understood every table wrongly in this way. */
export function mutant(mutate: Mutate): DataplaneFactory {
  const create: DataplaneFactory['create'] = (options) => {
    const real: Dataplane = nftables.create(options)
    const applied = new Map<string, RoutingTable>()
    const before = (table: RoutingTable) =>
      applied.get(table.family) ?? emptyTable(table.family, table.podSource)
    const wrapped: Dataplane = {
      name: 'mutant',
      contractVersion: real.contractVersion,
      capabilities: real.capabilities,
      probe: () => real.probe(),
      start: () => real.start(),
      observe: (family) => real.observe(family),
      isUnchanged: (family) => real.isUnchanged(family),
      ...(real.endpointOrder === undefined
        ? {}
        : { endpointOrder: (observed, route, scope) => real.endpointOrder?.(observed, route, scope) }),
      ...(real.upkeep === undefined ? {} : { upkeep: async (family) => real.upkeep?.(family) }),
      observedSets: (observed, table) =>
        real.observedSets?.(observed, table) ?? { nodePortAddresses: [], serviceCidrs: [] },
      compile(change: TableChange) {
        const wrong = mutate(change.table)
        const program = real.compile(fullDifference(before(change.table), wrong))
        applied.set(change.family, wrong)
        return program
      },
      reconcile(observed, table) {
        const wrong = mutate(table)
        applied.set(table.family, wrong)
        return real.reconcile(observed, wrong)
      },
      print: (program) => real.print(program),
      apply: (program) => real.apply(program),
      trace: (table, evaluation) => real.trace(table, evaluation),
      stop: () => real.stop(),
      cleanup: () => real.cleanup(),
    }
    return wrapped
  }
  return { ...nftables, name: 'mutant', create } as DataplaneFactory
}

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
