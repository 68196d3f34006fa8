import {
  type Cidr,
  cidrContains,
  type Endpoint,
  type EndpointScope,
  type Frontend,
  findFrontend,
  type RouteKey,
  type RoutingTable,
  type ServiceRoute,
  type SourceClass,
  sourceClasses,
} from '@portolan/core'
import type { Destination } from '../layout/element.ts'
import { persistentFlag } from '../layout/server-flags.ts'
import { type DestinationSet, destinationSets, dropSets, type MarkSet } from '../layout/sets.ts'
import { type IpvsSettings, serverFlags } from '../layout/settings.ts'
import type { ServerTerms, VirtualServer } from '../layout/virtual-server.ts'
import type { MarkOwner } from './mark-numbers.ts'

/** Everything that the kernel has for one destination. */
export interface Placement {
  readonly server?: VirtualServer
  readonly sets: ReadonlySet<DestinationSet>
  readonly marks: ReadonlyMap<MarkSet, number>
  readonly sources: readonly Cidr[]
}

/** Where a frontend answers: at its address, or a NodePort at each of the node's that serve NodePorts. */
export function* destinationsOfRoute(
  route: ServiceRoute | undefined,
  nodePortAddresses: Iterable<Destination['address']>,
): Generator<Destination> {
  if (route === undefined) return
  for (const { address, port } of route.frontends) {
    for (const at of address === undefined ? nodePortAddresses : [address])
      yield { address: at, protocol: route.protocol, port }
  }
}

/** The classes of source that this table's packets can be of. */
export function classesOf(table: RoutingTable): readonly SourceClass[] {
  return table.podSource.by === 'none' ? ['node', 'outside'] : sourceClasses
}

/**
 * The list that a destination's own virtual server has: the one for clients from outside. Other classes that use
 * another one get a virtual server by mark. `undefined`: it has none, whether because no source is balanced or because
 * those from outside are dropped; the virtual server is there all the same, so that the first local endpoint of an
 * externalTrafficPolicy Local is one destination more, and not another list.
 */
function ownList({ verdicts }: Frontend): EndpointScope | undefined {
  return verdicts.outside.do === 'balance' ? verdicts.outside.over : undefined
}

/** The lists of a frontend for which it needs a virtual server by mark, by class. */
export function markedLists(
  frontend: Frontend,
  classes: readonly SourceClass[],
): ReadonlyMap<SourceClass, EndpointScope> {
  const lists = new Map<SourceClass, EndpointScope>()
  for (const source of classes) {
    const verdict = frontend.verdicts[source]
    if (verdict.do === 'balance' && verdict.over !== ownList(frontend)) lists.set(source, verdict.over)
  }
  return lists
}

export function markOwner(route: ServiceRoute, over: EndpointScope): MarkOwner {
  return `${route.key} ${over}`
}

export function routeOfOwner(owner: MarkOwner): RouteKey {
  return owner.slice(0, owner.lastIndexOf(' ')) as RouteKey
}

const markSetOf: Readonly<Partial<Record<SourceClass, MarkSet>>> = { pod: 'MARK-POD', node: 'MARK-NODE' }

/** What a destination needs, without what drains there. `undefined`: nothing. */
export function placementAt(
  table: RoutingTable,
  destination: Destination,
  settings: IpvsSettings,
  markOf: (owner: MarkOwner) => number,
): Placement | undefined {
  if (isExcluded(destination, settings)) return undefined
  const found = findFrontend(table, destination)
  if (found === undefined) return undefined
  const { route, frontend } = found
  const classes = classesOf(table)
  const verdicts = classes.map((source) => frontend.verdicts[source])
  const members = new Set<DestinationSet>()
  if (frontend.allowedSources !== undefined) members.add('RESTRICTED')
  const sources = frontend.allowedSources ?? []
  if (verdicts.every((verdict) => verdict.do === 'reject'))
    return { sets: inOrder(members.add('REFUSED')), marks: new Map(), sources }

  for (const source of classes) {
    // Only some are rejected: no table of the core says so. They are dropped.
    if (frontend.verdicts[source].do !== 'balance') members.add(dropSets[source])
  }
  if (!verdicts.some((verdict) => verdict.do === 'balance'))
    return { sets: inOrder(members), marks: new Map(), sources }

  members.add('SERVED')
  const { pod, outside } = frontend.verdicts
  if (classes.includes('pod') && pod.do === 'balance' && pod.masquerade) members.add('MASQ-POD')
  if (outside.do === 'balance' && outside.masquerade) members.add('MASQ-OUTSIDE')
  const marks = new Map<MarkSet, number>()
  for (const [source, over] of markedLists(frontend, classes)) {
    const set = markSetOf[source]
    if (set !== undefined) marks.set(set, markOf(markOwner(route, over)))
  }
  const own = ownList(frontend)
  const server: VirtualServer = {
    place: destination,
    terms: termsOf(route, settings),
    endpoints: own === undefined ? [] : route.endpoints[own],
    draining: [],
  }
  return { server, sets: inOrder(members), marks, sources }
}

/** The virtual server by mark of one list of a route. */
export function markedServer(
  route: ServiceRoute,
  over: EndpointScope,
  mark: number,
  settings: IpvsSettings,
): VirtualServer {
  const endpoints: readonly Endpoint[] = route.endpoints[over]
  // With persistence IPVS leaves the port of a packet to a virtual server by mark as it is (ip_vs_sched_persist). So
  // clients stick to their endpoint by a hash of their address instead.
  const terms: ServerTerms =
    route.affinitySeconds === undefined
      ? termsOf(route, settings)
      : { scheduler: 'mh', flags: serverFlags({ scheduler: 'mh', schedulerFlags: 0 }), timeoutSeconds: 0 }
  return { place: { fwmark: mark }, terms, endpoints, draining: [] }
}

function termsOf(route: ServiceRoute, settings: IpvsSettings): ServerTerms {
  const { affinitySeconds } = route
  const flags = serverFlags(settings)
  return affinitySeconds === undefined
    ? { scheduler: settings.scheduler, flags, timeoutSeconds: 0 }
    : { scheduler: settings.scheduler, flags: flags | persistentFlag, timeoutSeconds: affinitySeconds }
}

export function isExcluded({ address }: Destination, { excludeCidrs }: IpvsSettings): boolean {
  return excludeCidrs.some((cidr) => cidrContains(cidr, address))
}

function inOrder(members: ReadonlySet<DestinationSet>): ReadonlySet<DestinationSet> {
  return new Set(destinationSets.filter((name) => members.has(name)))
}
