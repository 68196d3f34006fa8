import type { RouteKey, ServiceRoute } from '@portolan/core'
import { mostClientSets } from './layout.ts'
import type { Degraded, TableMemory } from './program.ts'

/**
 * Counts the sets that remember clients, and takes affinity from routes that come when there is no room for more. Which
 * routes have it follows from what was applied, so that a route's former version is compiled as it was.
 */
export class ClientSetBudget {
  readonly #memory: TableMemory
  readonly counts = new Map<RouteKey, number>()
  #left: number

  constructor(memory: TableMemory) {
    this.#memory = memory
    this.#left = mostClientSets
    for (const count of memory.clientSets.values()) this.#left -= count
  }

  /** The version of a route that the kernel has. */
  held(route: ServiceRoute): ServiceRoute {
    return (this.#memory.clientSets.get(route.key) ?? 0) > 0 ? route : withoutAffinity(route)
  }

  release(key: RouteKey): void {
    this.#left += this.#memory.clientSets.get(key) ?? 0
    this.counts.set(key, 0)
  }

  /** The version of a route to be written. */
  grant(route: ServiceRoute, degraded: Degraded[]): ServiceRoute {
    if (route.affinitySeconds === undefined) return route
    const { cluster, local } = route.endpoints
    const count = new Set([...cluster, ...local].map(({ address, port }) => `${address}|${port}`)).size
    if (count > this.#left) {
      degraded.push({
        route: route.key,
        reason: `no session affinity: more than ${mostClientSets} ${route.family} endpoints of such Services`,
      })
      return withoutAffinity(route)
    }
    this.#left -= count
    this.counts.set(route.key, count)
    return route
  }
}

function withoutAffinity({ affinitySeconds: _, ...route }: ServiceRoute): ServiceRoute {
  return route
}

/** What a route asks for that this dataplane has not. */
export function noteClosedNodePorts(route: ServiceRoute, degraded: Degraded[]): void {
  for (const { address, port, allowedSources } of route.frontends) {
    if (address !== undefined || allowedSources === undefined) continue
    degraded.push({ route: route.key, reason: `NodePort ${port} is closed: it can't have source ranges` })
  }
}
