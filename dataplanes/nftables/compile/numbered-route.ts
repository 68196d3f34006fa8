import {
  type Degraded,
  type Endpoint,
  type EndpointScope,
  endpointScopes,
  type ServiceRoute,
} from '@portolan/core'
import type { NumbersChange, RouteNumbers } from '../layout/affinity-numbers.ts'
import {
  type Choice,
  firstAffinityRoute,
  lastAffinityRoute,
  maximumAffinityCount,
  maximumCount,
} from '../layout/numbers.ts'
import type { TableMemory } from './program.ts'

/** One version of a route, with the numbers it has if its clients stick to their endpoints. */
export interface NumberedRoute {
  readonly route: ServiceRoute
  readonly numbers?: RouteNumbers
}

/** A route with the numbers that it may have got; one that doesn't ask for affinity has none. */
export function numbered(route: ServiceRoute, numbers: RouteNumbers | undefined): NumberedRoute {
  return numbers === undefined || route.affinitySeconds === undefined ? { route } : { route, numbers }
}

/**
 * Gives a route the numbers that affinity needs, and says where a limit is met.
 * @param proposals the same program's numbers so far; this route's are added
 * @param degraded takes what the route doesn't get
 */
export function number(
  route: ServiceRoute,
  memory: TableMemory,
  proposals: NumbersChange,
  degraded: Degraded[],
): NumberedRoute {
  const { cluster, local } = route.endpoints
  const numbers =
    route.affinitySeconds === undefined
      ? undefined
      : memory.numbers.propose(route.key, union(cluster, local), proposals)
  if (route.affinitySeconds !== undefined && numbers === undefined) {
    degraded.push({
      route: route.key,
      reason: `no session affinity: more than ${lastAffinityRoute - firstAffinityRoute + 1} routes ask for it`,
    })
  }
  const version = numbered(route, numbers)
  for (const over of endpointScopes) {
    const [all, some] = [route.endpoints[over].length, boundedEndpoints(version, over).length]
    if (some < all) {
      degraded.push({
        route: route.key,
        reason: `only ${limitOf(version)} of its ${all} endpoints are used, nftables' limit`,
      })
    }
  }
  return version
}

function union(cluster: readonly Endpoint[], local: readonly Endpoint[]): readonly Endpoint[] {
  return local.length === 0 ? cluster : [...cluster, ...local]
}

/** The endpoints of a list that the kernel gets: all, but for the limits in numbers.ts. */
export function boundedEndpoints(version: NumberedRoute, over: EndpointScope): readonly Endpoint[] {
  const list = version.route.endpoints[over]
  const limit = limitOf(version)
  return list.length > limit ? list.slice(0, limit) : list
}

function limitOf({ numbers }: NumberedRoute): number {
  return numbers === undefined ? maximumCount : maximumAffinityCount
}

/** How a new connection chooses from so many endpoints of the route. */
export function choiceFrom({ route, numbers }: NumberedRoute, { length }: readonly Endpoint[]): Choice {
  const { affinitySeconds } = route
  return numbers === undefined || affinitySeconds === undefined
    ? { count: length }
    : { count: length, affinitySeconds }
}
