import type { Address, Degraded, Endpoint, ServiceRoute, SetChange, TableChange } from '@portolan/core'
import { NumbersChange, type RouteNumbers } from '../layout/affinity-numbers.ts'
import type { Setting } from '../layout/chain.ts'
import { ElementChanges } from '../layout/elements.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from '../layout/layout.ts'
import {
  firstAffinityRoute,
  lastAffinityRoute,
  maximumAffinityCount,
  maximumCount,
} from '../layout/numbers.ts'
import { Declarations } from './declarations.ts'
import { declare } from './declare.ts'
import type { NftProgram, TableMemory } from './program.ts'
import {
  boundedEndpoints,
  changeFrontends,
  declareFrontends,
  frontendStates,
  type NumberedRoute,
} from './route-elements.ts'

/** The program for a change to a table that stands. */
export function compile(change: TableChange, setting: Setting, memory: TableMemory): NftProgram {
  const elements = new ElementChanges()
  const declarations = new Declarations(setting, memory.declared)
  const numbers = new NumbersChange()
  const degraded: Degraded[] = []
  const changeTo = (now: NumberedRoute | undefined, old: NumberedRoute | undefined) => {
    const states = frontendStates(now)
    declareFrontends(states, declarations)
    changeFrontends(frontendStates(old), states, elements)
  }
  for (const { key, before, after } of change.routes) {
    const old = before === undefined ? undefined : numbered(before, memory.numbers.get(key))
    const now = after === undefined ? undefined : number(after, memory, numbers, degraded)
    if (before?.affinitySeconds !== undefined && now?.numbers === undefined)
      numbers.release(key, old?.numbers?.route)
    changeTo(now, old)
  }
  if (numbers.released.size > 0) {
    for (const route of waitingRoutes(change, memory)) {
      const now = number(route, memory, numbers, degraded)
      if (now.numbers === undefined) break
      changeTo(now, { route })
    }
  }
  changeSets(change, elements)
  declarations.setsOf(elements)
  return {
    family: change.family,
    replace: false,
    declarations: declare(setting, declarations),
    elements,
    findings: [],
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
}

/** Routes that haven't changed, and that had no affinity for want of a number. */
function* waitingRoutes(change: TableChange, memory: TableMemory): Generator<ServiceRoute> {
  if (memory.numbers.waiting.size === 0) return
  const changed = new Set(change.routes.map(({ key }) => key))
  for (const key of memory.numbers.waiting) {
    const route = change.table.routes.get(key)
    if (route !== undefined && !changed.has(key)) yield route
  }
}

/** Gives a route the numbers that affinity needs, and says where a limit is met. */
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
  for (const over of ['cluster', 'local'] as const) {
    const [all, some] = [route.endpoints[over].length, boundedEndpoints(version, over).length]
    if (some < all) {
      const limit = version.numbers === undefined ? maximumCount : maximumAffinityCount
      degraded.push({
        route: route.key,
        reason: `only ${limit} of its ${all} endpoints are used, nftables' limit`,
      })
    }
  }
  return version
}

function numbered(route: ServiceRoute, numbers: RouteNumbers | undefined): NumberedRoute {
  return numbers === undefined || route.affinitySeconds === undefined ? { route } : { route, numbers }
}

function union(cluster: readonly Endpoint[], local: readonly Endpoint[]): readonly Endpoint[] {
  return local.length === 0 ? cluster : [...cluster, ...local]
}

function changeSets(change: TableChange, elements: ElementChanges): void {
  const addresses = (values: SetChange<Address>, set: typeof clusterIpSet, twice = false) => {
    for (const address of values.removed) elements.remove(set, twice ? [address, address] : [address])
    for (const address of values.added) elements.add(set, twice ? [address, address] : [address])
  }
  addresses(change.clusterIPs, clusterIpSet)
  addresses(change.nodePortAddresses, nodePortAddressSet)
  addresses(change.hairpinAddresses, hairpinSet, true)
  for (const cidr of change.serviceCidrs.removed) elements.remove(serviceCidrSet, [cidr])
  for (const cidr of change.serviceCidrs.added) elements.add(serviceCidrSet, [cidr])
}
