import type { Address } from '../../network/address.ts'
import type { Endpoint, EndpointScope, RouteKey, ServiceRoute } from '../service-route.ts'
import type { TouchedSets } from '../touched.ts'
import { adoptOrder } from './arrange-endpoints.ts'
import { CountedSet } from './counted-set.ts'

/** The routes of a table, and the addresses of local endpoints that follow from them. */
export class RouteSet {
  readonly #routes = new Map<RouteKey, ServiceRoute>()
  readonly #hairpins = new CountedSet<Address>()

  get routes(): ReadonlyMap<RouteKey, ServiceRoute> {
    return this.#routes
  }

  /** Addresses of endpoints on this node: such a one may be its own client. */
  get hairpinAddresses(): ReadonlySet<Address> {
    return this.#hairpins.values
  }

  /**
   * @param after `undefined`: the route is gone
   * @returns whether anything changed; the very same object changes nothing
   */
  publish(key: RouteKey, after: ServiceRoute | undefined, touched: TouchedSets): boolean {
    const before = this.#routes.get(key)
    if (before === after) return false
    if (after === undefined) this.#routes.delete(key)
    else this.#routes.set(key, after)
    touched.routes.add(key)
    if (before?.endpoints !== after?.endpoints) {
      eachLocalAddress(after, (address) => {
        if (this.#hairpins.hold(address)) touched.sets.hairpinAddresses.add(address)
      })
      eachLocalAddress(before, (address) => {
        if (this.#hairpins.release(address)) touched.sets.hairpinAddresses.add(address)
      })
    }
    return true
  }

  /** Puts endpoints into the order that the kernel holds them in. Nothing is touched by it. */
  adoptOrder(orderOf: (route: ServiceRoute, scope: EndpointScope) => readonly string[] | undefined): void {
    for (const [key, route] of this.#routes) {
      const { cluster, local } = route.endpoints
      const inOrder = (scope: EndpointScope): readonly Endpoint[] => {
        const order = orderOf(route, scope)
        return order === undefined ? route.endpoints[scope] : adoptOrder(route.endpoints[scope], order)
      }
      const endpoints = { cluster: inOrder('cluster'), local: inOrder('local') }
      if (endpoints.cluster !== cluster || endpoints.local !== local)
        this.#routes.set(key, { ...route, endpoints })
    }
  }
}

/** One entry for each local endpoint in each list: held and released alike, so the counts come out even. */
function eachLocalAddress(route: ServiceRoute | undefined, act: (address: Address) => void): void {
  if (route === undefined) return
  for (const endpoint of route.endpoints.cluster) if (endpoint.local) act(endpoint.address)
  for (const endpoint of route.endpoints.local) act(endpoint.address)
}
