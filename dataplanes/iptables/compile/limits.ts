import type { Degraded, RouteKey, ServiceRoute } from '@portolan/core'
import type { TableMemory } from './program.ts'

/**
 * Counts the sets that remember clients, and takes affinity from routes for which there is no room. Which routes have it
 * follows from what was applied, so that a route's former version is compiled as it was.
 */
export class ClientSetBudget {
  readonly #memory: TableMemory
  readonly #max: number
  readonly counts = new Map<RouteKey, number>()
  /** Routes that there was no room for. */
  readonly refused = new Set<RouteKey>()
  #left: number
  #hasReleased = false

  /** @param most sets that a family may have */
  constructor(memory: TableMemory, max: number) {
    this.#memory = memory
    this.#max = max
    this.#left = max
    for (const count of memory.clientSets.values()) this.#left -= count
  }

  /** The version of a route that the kernel has. */
  observed(route: ServiceRoute): ServiceRoute {
    return (this.#memory.clientSets.get(route.key) ?? 0) > 0 ? route : withoutAffinity(route)
  }

  release(key: RouteKey): void {
    const count = this.#memory.clientSets.get(key) ?? 0
    this.#left += count
    this.#hasReleased ||= count > 0
    this.counts.set(key, 0)
  }

  /** The version of a route to be written. */
  grant(route: ServiceRoute, degraded: Degraded[]): ServiceRoute {
    if (route.affinitySeconds === undefined) return route
    const count = clientSetsOf(route)
    if (count > this.#left) {
      this.refused.add(route.key)
      degraded.push({
        route: route.key,
        reason: `no session affinity: more than ${this.#max} ${route.family} endpoints of such Services`,
      })
      return withoutAffinity(route)
    }
    this.#left -= count
    this.counts.set(route.key, count)
    return route
  }

  /** Those of the routes that went without affinity and can have it now, if anything was released. */
  *servedAgain(routes: ReadonlyMap<RouteKey, ServiceRoute>): Generator<ServiceRoute> {
    if (!this.#hasReleased) return
    for (const key of this.#memory.waiting) {
      const route = routes.get(key)
      if (route === undefined || this.counts.has(key) || this.refused.has(key)) continue
      if (clientSetsOf(route) <= this.#left) yield route
    }
  }

  /**
   * Grants a whole table: first the routes that have their sets already, so that no room passes from one to another without
   * a reason.
   *
   * @param hasSets whether a route's sets are there; asked only where there isn't room for all
   */
  grantAll(
    routes: Iterable<ServiceRoute>,
    degraded: Degraded[],
    hasSets: (route: ServiceRoute) => boolean,
  ): ReadonlyMap<RouteKey, ServiceRoute> {
    const all = [...routes]
    const needed = all.reduce((sum, route) => sum + clientSetsOf(route), 0)
    const first = needed > this.#left ? all.filter((route) => clientSetsOf(route) > 0 && hasSets(route)) : []
    const granted = new Map<RouteKey, ServiceRoute>()
    for (const route of [...first, ...all])
      if (!granted.has(route.key)) granted.set(route.key, this.grant(route, degraded))
    return granted
  }
}

/** How many sets a route takes with affinity: one for each endpoint. */
function clientSetsOf({ affinitySeconds, endpoints: { cluster, local } }: ServiceRoute): number {
  if (affinitySeconds === undefined) return 0
  return new Set([...cluster, ...local].map(({ address, port }) => `${address}|${port}`)).size
}

export function withoutAffinity({ affinitySeconds: _, ...route }: ServiceRoute): ServiceRoute {
  return route
}

/** What a route asks for that this dataplane has not. */
export function noteClosedNodePorts(route: ServiceRoute, degraded: Degraded[]): void {
  for (const { address, port, allowedSources } of route.frontends) {
    if (address !== undefined || allowedSources === undefined) continue
    degraded.push({ route: route.key, reason: `NodePort ${port} is closed: it can't have source ranges` })
  }
}
