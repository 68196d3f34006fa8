import type { RoutingTable, TableSet } from './routing-table.ts'
import type { RouteKey } from './service-route.ts'
import type { FlowAddress, FlowSuspects } from './udp-flows.ts'

/** What a set of the table holds: addresses, ranges or ports. */
export type TableSetMember<Name extends TableSet> =
  RoutingTable[Name] extends ReadonlySet<infer Member> ? Member : never

/**
 * Where the table may have changed since it was last asked: the only places that a difference has to look at. A place
 * that was changed and changed back is still touched; the difference finds nothing there.
 */
export interface Touched {
  readonly routes: ReadonlySet<RouteKey>
  readonly sets: { readonly [Name in TableSet]: ReadonlySet<TableSetMember<Name>> }
  /** Flows of UDP that may have become stale: no part of the table's difference. Each address and port by its key. */
  readonly flows: { readonly [Name in keyof FlowSuspects]: ReadonlyMap<string, FlowAddress> }
  /** When the causes happened, by the cluster's clock: milliseconds since the epoch. */
  readonly triggerTimes: readonly number[]
}

type MutableSets = { readonly [Name in TableSet]: Set<TableSetMember<Name>> }

/** All sets of a table, without a member. */
export function emptySets(): MutableSets {
  return {
    clusterIPs: new Set(),
    serviceCidrs: new Set(),
    nodePortAddresses: new Set(),
    hairpinAddresses: new Set(),
    healthCheckNodePorts: new Set(),
    localAddresses: new Set(),
  }
}

/** Gathers what is touched, until it is taken. */
export class TouchedSets implements Touched {
  readonly routes = new Set<RouteKey>()
  readonly sets = emptySets()
  readonly flows = { answeredBy: new Map<string, FlowAddress>(), sentTo: new Map<string, FlowAddress>() }
  readonly triggerTimes: number[] = []
}

/** All that either touched, for a change that is retried together with what came after it. */
export function mergeTouched(first: Touched, second: Touched): Touched {
  const merged = new TouchedSets()
  for (const touched of [first, second]) {
    for (const key of touched.routes) merged.routes.add(key)
    addAll(merged.sets.clusterIPs, touched.sets.clusterIPs)
    addAll(merged.sets.serviceCidrs, touched.sets.serviceCidrs)
    addAll(merged.sets.nodePortAddresses, touched.sets.nodePortAddresses)
    addAll(merged.sets.hairpinAddresses, touched.sets.hairpinAddresses)
    addAll(merged.sets.healthCheckNodePorts, touched.sets.healthCheckNodePorts)
    addAll(merged.sets.localAddresses, touched.sets.localAddresses)
    for (const [key, one] of touched.flows.answeredBy) merged.flows.answeredBy.set(key, one)
    for (const [key, one] of touched.flows.sentTo) merged.flows.sentTo.set(key, one)
    for (const time of touched.triggerTimes) merged.triggerTimes.push(time)
  }
  return merged
}

function addAll<Member>(into: Set<Member>, members: ReadonlySet<Member>): void {
  for (const member of members) into.add(member)
}

/** Brings a set to what is wanted of it; what comes or goes is touched. */
export function replaceMembers<Member>(
  set: Set<Member>,
  wanted: ReadonlySet<Member>,
  touched: Set<Member>,
): void {
  for (const member of [...set]) {
    if (wanted.has(member)) continue
    set.delete(member)
    touched.add(member)
  }
  for (const member of wanted) {
    if (set.has(member)) continue
    set.add(member)
    touched.add(member)
  }
}
