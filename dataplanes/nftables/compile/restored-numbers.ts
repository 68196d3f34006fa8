import { endpointKey, endpointScopes, protocols, type RoutingTable, type ServiceRoute } from '@portolan/core'
import { AffinityNumbers, NumbersChange } from '../layout/affinity-numbers.ts'
import { type Datum, dataText } from '../layout/elements.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { affinityEndpointsOf, affinityRoutesOf } from '../layout/sets.ts'
import { places } from '../layout/table.ts'
import { placeOf } from './frontend-state.ts'

/** Gives routes the numbers that the kernel knows them by, so that a restart forgets no client's choice. */
export function restoredNumbers(observedState: ObservedState, table: RoutingTable): AffinityNumbers {
  const restored = new NumbersChange()
  const taken = new Set<number>()
  const known = observedEndpointNumbers(observedState)
  for (const route of table.routes.values()) {
    if (route.affinitySeconds === undefined) continue
    const number = observedRouteNumber(observedState, route)
    if (number === undefined || taken.has(number)) continue
    taken.add(number)
    const endpoints = new Map<string, number>()
    const given = new Set([0])
    for (const endpoint of [...route.endpoints.cluster, ...route.endpoints.local].map(endpointKey)) {
      const own = known.get(number)?.get(endpoint)
      // Where something else changed the maps, several endpoints may be found under one number: one keeps it.
      if (own === undefined || given.has(own) || endpoints.has(endpoint)) continue
      given.add(own)
      endpoints.set(endpoint, own)
    }
    restored.next = Math.max(restored.next ?? 0, number + 1)
    restored.give(route.key, { route: number, endpoints, next: Math.max(0, ...endpoints.values()) + 1 })
  }
  const numbers = new AffinityNumbers()
  numbers.commit(restored)
  return numbers
}

function observedRouteNumber(observedState: ObservedState, route: ServiceRoute): number | undefined {
  for (const frontend of route.frontends) {
    const place = placeOf(frontend)
    const key: Datum[] = [route.protocol, frontend.port]
    if (frontend.address !== undefined) key.unshift(frontend.address)
    const value = observedState.elements.get(affinityRoutesOf(place).name)?.get(dataText(key))
    if (value !== undefined) return Number(value) >>> 16
  }
  return undefined
}

/** By route number and endpoint key. */
function observedEndpointNumbers(observedState: ObservedState): Map<number, Map<string, number>> {
  const found = new Map<number, Map<string, number>>()
  for (const place of places) {
    for (const over of endpointScopes) {
      for (const protocol of protocols) {
        for (const [key, endpoint] of observedState.elements.get(
          affinityEndpointsOf(place, over, protocol).name,
        ) ?? []) {
          const number = Number(key.slice(key.lastIndexOf('|') + 1))
          const ofRoute = found.get(number >>> 16) ?? new Map<string, number>()
          found.set(number >>> 16, ofRoute.set(endpoint, number & 0xffff))
        }
      }
    }
  }
  return found
}
