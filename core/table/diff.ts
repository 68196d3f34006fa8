import type { IpFamily } from '../network/address.ts'
import { type PodSource, type RoutingTable, tableSets } from './routing-table.ts'
import { sameRoute } from './same-route.ts'
import { type FrontendKey, frontendKey, type RouteKey, type ServiceRoute } from './service-route.ts'
import type { RouteChange, SetChange, TableChange } from './table-change.ts'
import { emptySets, type TableSetMember, type Touched } from './touched.ts'

export { mergeTouched, type TableSetMember, type Touched } from './touched.ts'

/** A table that asks nothing of the kernel. */
export function emptyTable(family: IpFamily, podSource: PodSource): RoutingTable {
  return {
    family,
    podSource,
    routes: new Map(),
    frontends: new Map(),
    ...emptySets(),
  }
}

/** The change from one whole table to another. */
export function fullDifference(before: RoutingTable, after: RoutingTable): TableChange {
  const everything: Touched = {
    routes: union(before.routes, after.routes),
    sets: {
      clusterIPs: union(before.clusterIPs, after.clusterIPs),
      serviceCidrs: union(before.serviceCidrs, after.serviceCidrs),
      nodePortAddresses: union(before.nodePortAddresses, after.nodePortAddresses),
      hairpinAddresses: union(before.hairpinAddresses, after.hairpinAddresses),
      healthCheckNodePorts: union(before.healthCheckNodePorts, after.healthCheckNodePorts),
      localAddresses: union(before.localAddresses, after.localAddresses),
    },
    flows: { answeredBy: new Map(), sentTo: new Map() },
    triggerTimes: [],
  }
  return difference(before, after, everything)
}

function union<Member>(one: Keyed<Member>, other: Keyed<Member>): ReadonlySet<Member> {
  const members = new Set<Member>(one.keys())
  for (const member of other.keys()) members.add(member)
  return members
}

interface Keyed<Member> {
  keys(): IterableIterator<Member>
}

/**
 * The change from one table to another, looked for only where something was touched: it costs as much as that, not
 * as much as the table. What was changed and changed back is not in it.
 */
export function difference(before: RoutingTable, after: RoutingTable, touched: Touched): TableChange {
  const routes: RouteChange[] = []
  for (const key of touched.routes) {
    const change = routeChange(key, before.routes.get(key), after.routes.get(key))
    if (change !== undefined) routes.push(change)
  }
  return {
    family: after.family,
    table: after,
    routes,
    clusterIPs: setChange(before.clusterIPs, after.clusterIPs, touched.sets.clusterIPs),
    serviceCidrs: setChange(before.serviceCidrs, after.serviceCidrs, touched.sets.serviceCidrs),
    nodePortAddresses: setChange(
      before.nodePortAddresses,
      after.nodePortAddresses,
      touched.sets.nodePortAddresses,
    ),
    hairpinAddresses: setChange(
      before.hairpinAddresses,
      after.hairpinAddresses,
      touched.sets.hairpinAddresses,
    ),
    healthCheckNodePorts: setChange(
      before.healthCheckNodePorts,
      after.healthCheckNodePorts,
      touched.sets.healthCheckNodePorts,
    ),
    localAddresses: setChange(before.localAddresses, after.localAddresses, touched.sets.localAddresses),
    triggerTimes: touched.triggerTimes,
  }
}

/** Whether the change asks nothing of the kernel. */
export function isEmptyChange(change: TableChange): boolean {
  return (
    change.routes.length === 0 &&
    tableSets.every((name) => change[name].added.length === 0 && change[name].removed.length === 0)
  )
}

/**
 * The table that was last applied. It starts empty. Routes are shared with the live table, not copied: they never
 * change in place.
 */
export class AppliedTable {
  readonly #table: MutableTable

  /** For tables of this one's family and pod source. */
  constructor(like: Pick<RoutingTable, 'family' | 'podSource'>) {
    this.#table = new MutableTable(like.family, like.podSource)
  }

  get table(): RoutingTable {
    return this.#table
  }

  /** What to do to get from here to `current`, if nothing differs but where it was touched. */
  difference(current: RoutingTable, touched: Touched): TableChange {
    return difference(this.#table, current, touched)
  }

  /** What to do to get from here to `current`, wherever it differs. */
  fullDifference(current: RoutingTable): TableChange {
    return fullDifference(this.#table, current)
  }

  /** The change has been applied. */
  advance(change: TableChange): void {
    this.#table.advance(change)
  }
}

class MutableTable implements RoutingTable {
  readonly family: IpFamily
  readonly podSource: PodSource
  readonly routes = new Map<RouteKey, ServiceRoute>()
  readonly clusterIPs = new Set<TableSetMember<'clusterIPs'>>()
  readonly serviceCidrs = new Set<TableSetMember<'serviceCidrs'>>()
  readonly nodePortAddresses = new Set<TableSetMember<'nodePortAddresses'>>()
  readonly hairpinAddresses = new Set<TableSetMember<'hairpinAddresses'>>()
  readonly healthCheckNodePorts = new Set<TableSetMember<'healthCheckNodePorts'>>()
  readonly localAddresses = new Set<TableSetMember<'localAddresses'>>()

  constructor(family: IpFamily, podSource: PodSource) {
    this.family = family
    this.podSource = podSource
  }

  /** Worked out each time: no change asks for it, and each would have to keep it. */
  get frontends(): ReadonlyMap<FrontendKey, RouteKey> {
    const owners = new Map<FrontendKey, RouteKey>()
    for (const [key, route] of this.routes)
      for (const { address, port } of route.frontends)
        owners.set(frontendKey(address, route.protocol, port), key)
    return owners
  }

  advance(change: TableChange): void {
    for (const { key, after } of change.routes) {
      if (after === undefined) this.routes.delete(key)
      else this.routes.set(key, after)
    }
    advanceSet(this.clusterIPs, change.clusterIPs)
    advanceSet(this.serviceCidrs, change.serviceCidrs)
    advanceSet(this.nodePortAddresses, change.nodePortAddresses)
    advanceSet(this.hairpinAddresses, change.hairpinAddresses)
    advanceSet(this.healthCheckNodePorts, change.healthCheckNodePorts)
    advanceSet(this.localAddresses, change.localAddresses)
  }
}

function advanceSet<Member>(members: Set<Member>, change: SetChange<Member>): void {
  for (const member of change.removed) members.delete(member)
  for (const member of change.added) members.add(member)
}

function routeChange(
  key: RouteKey,
  before: ServiceRoute | undefined,
  after: ServiceRoute | undefined,
): RouteChange | undefined {
  if (before === after) return undefined
  if (before === undefined) return after === undefined ? undefined : { key, after }
  if (after === undefined) return { key, before }
  return sameRoute(before, after) ? undefined : { key, before, after }
}

function setChange<Member>(
  from: ReadonlySet<Member>,
  to: ReadonlySet<Member>,
  touched: ReadonlySet<Member>,
): SetChange<Member> {
  if (touched.size === 0) return unchanged
  const added = [...touched].filter((member) => to.has(member) && !from.has(member))
  const removed = [...touched].filter((member) => from.has(member) && !to.has(member))
  return { added, removed }
}

const unchanged: SetChange<never> = Object.freeze({ added: [], removed: [] })
