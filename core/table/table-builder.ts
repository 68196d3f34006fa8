import type {
  NodeRecord,
  ObjectProblem,
  ServiceCidrRecord,
  ServiceRecord,
  SliceRecord,
} from '../cluster/records.ts'
import { loopbackAddress } from '../cluster/usable-address.ts'
import {
  type Address,
  type Cidr,
  disjointCidrs,
  familyOf,
  type IpFamily,
  parseAddress,
  parseCidr,
} from '../network/address.ts'
import { type ClusterView, type Reason, unservedAt, whyNoEndpoints } from './absent-endpoints.ts'
import { adoptOrder } from './arrange-endpoints.ts'
import { CountedSet } from './counted-set.ts'
import { isLocal, type NodeTopology, selectEndpoints } from './endpoint-selection.ts'
import type { Evaluation } from './evaluate.ts'
import { frontendProblem } from './frontend-problem.ts'
import { type NodePortPolicy, nodePortAddresses, primaryAddress } from './node-addresses.ts'
import { explainReason, type ReasonFacts } from './reason.ts'
import { buildRoute } from './route-builder.ts'
import type { HeldSets, PodSource, RoutingTable } from './routing-table.ts'
import { ServiceClaims } from './service-claims.ts'
import { clusterIPOf, destinationsOf, routeKeyOf, serviceKeyOf } from './service-frontends.ts'
import type { Endpoint, EndpointScope, RouteKey, ServiceRoute } from './service-route.ts'
import { mergeSlices, SliceCache } from './slice-cache.ts'
import { allowedSources } from './source-ranges.ts'
import { type Touched, TouchedSets } from './touched.ts'

export interface TableBuilderOptions {
  readonly family: IpFamily
  /** This node's name, as slices name it. Empty: nothing is local. */
  readonly nodeName: string
  /** How local pods are told from others, in this family. */
  readonly podSource: PodSource
  /** Whether all traffic to ClusterIPs is masqueraded. Default: false. */
  readonly masqueradeAll?: boolean
  /** Default: `primary`. */
  readonly nodePortAddresses?: NodePortPolicy
  /** Whether NodePorts may answer at 127.0.0.1: the dataplane can. Default: false. */
  readonly localhostNodePorts?: boolean
  /** The node's primary address of this family, in place of what its Node object says (`bindAddress`). */
  readonly nodeAddress?: Address
  /** Trigger times before this are of changes that a predecessor saw: milliseconds since the epoch. Default: 0. */
  readonly triggersSince?: number
  /** Told of each claim that a Service loses to another one. */
  readonly onProblem?: (problem: ObjectProblem) => void
}

/**
 * Turns records into the routing table of one family, and keeps it so.
 *
 * Events only note what they may have changed; `drain` works it out. Several events of one Service between two drains
 * are thus worked out once, and the table stands still from one drain to the next, so that a change can be compiled
 * and applied against it. The work is proportional to the endpoints of the Services concerned; only a change of the
 * node's zone or address goes through all of them.
 */
export class TableBuilder {
  readonly family: IpFamily
  readonly #options: TableBuilderOptions
  readonly #services = new Map<string, ServiceRecord>()
  readonly #slices = new SliceCache()
  readonly #serviceCidrs = new Map<string, readonly Cidr[]>()
  #node: NodeTopology
  #nodeAddresses: readonly Address[] = []
  /** Absent: not told, so those of the Node object stand in (a file as source). */
  #interfaceAddresses: ReadonlySet<Address> | undefined
  /** What the kernel held at the start of the sets that nothing else is known of. */
  #heldNodePortAddresses: readonly Address[] = []
  #heldServiceCidrs: readonly Cidr[] = []
  /** The source may not read ServiceCIDRs, or they aren't served. */
  #serviceCidrsUnreadable = false

  /** Services whose routes must be worked out again. */
  readonly #dirty = new Set<string>()
  #addressesChanged = false
  #rangesChanged = false
  readonly #triggerTimes = new Map<string, number[]>()
  /** Only of Services with source ranges. */
  readonly #allowedSources = new Map<string, readonly Cidr[]>()
  #touched = new TouchedSets()

  readonly #routes = new Map<RouteKey, ServiceRoute>()
  readonly #claims: ServiceClaims
  readonly #ranges = new Set<Cidr>()
  readonly #hairpins = new CountedSet<Address>()
  readonly #healthChecks = new CountedSet<number>()
  /** Only of Services that have one. */
  readonly #healthCheckOf = new Map<string, number>()
  readonly #nodePorts = new Set<Address>()
  readonly #locals = new Set<Address>()
  /** As of the last `drain`. Changes in place at the next one. */
  readonly table: RoutingTable

  constructor(options: TableBuilderOptions) {
    this.#options = options
    this.family = options.family
    this.#node = { nodeName: options.nodeName, zone: '' }
    this.#claims = new ServiceClaims(
      options.family,
      (key) => this.#services.get(key),
      (lost) => options.onProblem?.(frontendProblem(lost)),
    )
    this.table = {
      family: options.family,
      routes: this.#routes,
      frontends: this.#claims.owners,
      clusterIPs: this.#claims.clusterIPs,
      serviceCidrs: this.#ranges,
      nodePortAddresses: this.#nodePorts,
      hairpinAddresses: this.#hairpins.values,
      healthCheckNodePorts: this.#healthChecks.values,
      localAddresses: this.#locals,
      podSource: options.podSource,
    }
  }

  setService(service: ServiceRecord): void {
    this.#changeService(service.key, service)
  }

  removeService(key: string): void {
    if (this.#services.has(key)) this.#changeService(key, undefined)
  }

  /** A slice of the other family is one that is gone from this one. */
  setSlice(slice: SliceRecord): void {
    if (slice.family !== this.family) {
      this.removeSlice(slice.key)
      return
    }
    const concerned = this.#slices.set(slice)
    for (const key of concerned) this.#dirty.add(key)
    const { triggerTime } = slice
    if (concerned.length === 0 || triggerTime === undefined) return
    if (triggerTime < (this.#options.triggersSince ?? 0)) return
    const times = this.#triggerTimes.get(slice.serviceKey) ?? []
    if (times.length < mostTriggerTimes) this.#triggerTimes.set(slice.serviceKey, [...times, triggerTime])
  }

  /** The Service's pending trigger times go too: they measured endpoints that never came to be (SEMANTICS 3). */
  removeSlice(key: string): void {
    const service = this.#slices.remove(key)
    if (service === undefined) return
    this.#dirty.add(service)
    this.#triggerTimes.delete(service)
  }

  /** Any other node than this one is ignored. */
  setNode(node: NodeRecord): void {
    if (node.key !== this.#options.nodeName) return
    // kubelet and the cloud's controller fill a Node in after it was made (again): until then it says nothing.
    const isBlank = node.addresses.length === 0
    const zone = isBlank && node.zone === '' ? this.#node.zone : node.zone
    if (zone !== this.#node.zone) {
      this.#node = { nodeName: this.#node.nodeName, zone }
      for (const key of this.#services.keys()) this.#dirty.add(key)
    }
    if (isBlank) return
    const before = this.#sourceAddress
    this.#nodeAddresses = node.addresses
    this.#addressesChanged = true
    if (this.#sourceAddress !== before) this.#restrictAgain()
  }

  /** The node as last known stays: traffic doesn't stop because its Node object is made again. */
  removeNode(_key: string): void {}

  setServiceCidr(record: ServiceCidrRecord): void {
    const ours = record.cidrs.filter((cidr) => familyOf(cidr) === this.family)
    this.#serviceCidrs.set(record.key, ours)
    this.#rangesChanged = true
  }

  removeServiceCidr(key: string): void {
    if (this.#serviceCidrs.delete(key)) this.#rangesChanged = true
  }

  /** Whether ServiceCIDRs can be read at all; until told they can. */
  setServiceCidrsReadable(readable: boolean): void {
    if (readable === !this.#serviceCidrsUnreadable) return
    this.#serviceCidrsUnreadable = !readable
    this.#rangesChanged = true
  }

  /** All addresses of this node's interfaces, of both families. Until told, those of its Node object count. */
  setLocalAddresses(addresses: ReadonlySet<Address>): void {
    this.#interfaceAddresses = addresses
    this.#addressesChanged = true
  }

  /** Whether `drain` has anything to work out. */
  get isPending(): boolean {
    return this.#dirty.size > 0 || this.#claims.isPending || this.#addressesChanged || this.#rangesChanged
  }

  /** Brings the table up to date; gives what was touched since the last time. */
  drain(): Touched {
    if (this.#addressesChanged) this.#placeNode()
    if (this.#rangesChanged) this.#placeRanges()
    this.#addressesChanged = false
    this.#rangesChanged = false
    this.#settleClaims()
    for (const key of this.#dirty) this.#rebuild(key)
    this.#dirty.clear()
    this.#triggerTimes.clear()
    const touched = this.#touched
    this.#touched = new TouchedSets()
    return touched
  }

  /**
   * The sets of the table that nothing is known of yet: those that follow a Node object which is missing, or has no address
   * yet, and ServiceCIDRs that can't be read. Unknown is not none: what the kernel held at the start stays in them.
   */
  get unknownSets(): readonly (keyof HeldSets)[] {
    return [
      ...(this.#isPrimaryUnknown ? (['nodePortAddresses'] as const) : []),
      ...(this.#serviceCidrsUnreadable ? (['serviceCidrs'] as const) : []),
    ]
  }

  /**
   * Takes over what a predecessor left in the kernel of the sets that are unknown. To be called before anything is applied,
   * with `drain` before it and after it.
   */
  adoptSets(heldSets: () => HeldSets): void {
    const unknown = this.unknownSets
    if (unknown.length === 0) return
    const { nodePortAddresses, serviceCidrs } = heldSets()
    const before = this.#sourceAddress
    if (unknown.includes('nodePortAddresses')) {
      this.#heldNodePortAddresses = nodePortAddresses.flatMap((text) => parseAddress(text) ?? [])
      this.#addressesChanged = true
    }
    if (unknown.includes('serviceCidrs')) {
      this.#heldServiceCidrs = serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
      this.#rangesChanged = true
    }
    if (this.#sourceAddress !== before) this.#restrictAgain()
  }

  /**
   * Takes over the order in which a predecessor left the endpoints in the kernel, for the table as of the last `drain`.
   * To be called before anything is applied: nothing is touched by it.
   */
  adoptOrder(orderOf: (route: ServiceRoute, over: EndpointScope) => readonly string[] | undefined): void {
    for (const [key, route] of this.#routes) {
      const { cluster, local } = route.endpoints
      const inOrder = (over: EndpointScope): readonly Endpoint[] => {
        const order = orderOf(route, over)
        return order === undefined ? route.endpoints[over] : adoptOrder(route.endpoints[over], order)
      }
      const endpoints = { cluster: inOrder('cluster'), local: inOrder('local') }
      if (endpoints.cluster !== cluster || endpoints.local !== local)
        this.#routes.set(key, { ...route, endpoints })
    }
  }

  /** The Service behind a route, as it is now. */
  serviceOf(route: RouteKey): ServiceRecord | undefined {
    return this.#services.get(serviceKeyOf(route))
  }

  /**
   * Why a packet got its verdict, in words. The evaluation must be of this table. `cluster`: what else is there, for
   * reasons that lie beyond the table.
   */
  describe(evaluation: Evaluation, cluster?: ClusterView): Reason {
    const facts = 'route' in evaluation ? this.#reasonFacts(evaluation.route.key, cluster) : undefined
    return explainReason(evaluation, this.table, facts, (address) => unservedAt(address, cluster))
  }

  /** How many Services and destinations are held for reasons beyond the table; for tests against leaks. */
  get held(): { readonly services: number; readonly sliceServices: number; readonly contested: number } {
    return {
      services: this.#services.size,
      sliceServices: this.#slices.serviceCount,
      contested: this.#claims.contestedCount,
    }
  }

  #reasonFacts(route: RouteKey, cluster: ClusterView | undefined): ReasonFacts | undefined {
    const service = this.serviceOf(route)
    const port = service?.ports.find((one) => routeKeyOf(service, one) === route)
    if (service === undefined || port === undefined) return undefined
    const { family } = this
    const slices = this.#slices.slicesOf(service.key)
    const merged = mergeSlices(slices, port.name, port.protocol)
    const ready = merged.filter(({ endpoint }) => endpoint.ready)
    const here = ready.filter((candidate) => isLocal(candidate, this.#node)).length
    return {
      service,
      selection: selectEndpoints(merged, this.#node),
      ready: { here, elsewhere: ready.length - here },
      nodeless: merged.length > 0 && merged.every(({ endpoint }) => endpoint.nodeName === ''),
      whyNone: () => whyNoEndpoints({ service, port, family, slices, cluster }),
      zone: this.#node.zone,
      masqueradeAll: this.#options.masqueradeAll ?? false,
    }
  }

  #changeService(key: string, service: ServiceRecord | undefined): void {
    const before = this.#services.get(key)
    this.#claims.changed(key, before)
    this.#dirty.add(key)
    if (service === undefined) this.#services.delete(key)
    else this.#services.set(key, service)
    this.#restrict(key, service)
  }

  #restrict(key: string, service: ServiceRecord | undefined): void {
    const sources =
      service === undefined || service.sourceRanges.length === 0
        ? undefined
        : allowedSources(service.sourceRanges, this.family, this.#sourceAddress, service.loadBalancerIPs)
    if (sources === undefined) this.#allowedSources.delete(key)
    else this.#allowedSources.set(key, sources)
  }

  #restrictAgain(): void {
    for (const [key, service] of this.#services) {
      if (service.sourceRanges.length === 0) continue
      this.#restrict(key, service)
      this.#dirty.add(key)
    }
  }

  /** The address that the node's own packets are taken to come from (SEMANTICS 7). */
  get #sourceAddress(): Address {
    return this.#primary ?? loopbackAddress(this.family)
  }

  get #primary(): Address | undefined {
    const told = this.#options.nodeAddress ?? primaryAddress(this.#nodeAddresses, this.family)
    if (told !== undefined || !this.#isPrimaryUnknown) return told
    // A predecessor with the same policy had just this one.
    return this.#heldNodePortAddresses.length === 1 ? this.#heldNodePortAddresses[0] : undefined
  }

  get #isPrimaryUnknown(): boolean {
    const { nodeAddress, nodePortAddresses: policy = 'primary' } = this.#options
    return policy === 'primary' && nodeAddress === undefined && this.#nodeAddresses.length === 0
  }

  #placeNode(): void {
    const all = this.#interfaceAddresses ?? this.#nodeAddresses
    const locals = new Set([...all].filter((address) => familyOf(address) === this.family))
    replaceMembers(this.#locals, locals, this.#touched.sets.localAddresses)
    const policy = this.#options.nodePortAddresses ?? 'primary'
    const localhost = this.#options.localhostNodePorts ?? false
    const answering = this.#isPrimaryUnknown
      ? new Set(this.#heldNodePortAddresses.filter((address) => locals.has(address)))
      : nodePortAddresses(policy, this.family, locals, this.#primary, localhost)
    replaceMembers(this.#nodePorts, answering, this.#touched.sets.nodePortAddresses)
  }

  /** Two ServiceCIDRs may name the same range, or one inside the other: the union counts (SEMANTICS 13, quirk 2). */
  #placeRanges(): void {
    const told = this.#serviceCidrsUnreadable
      ? this.#heldServiceCidrs
      : [...this.#serviceCidrs.values()].flat()
    const all = new Set(disjointCidrs(told))
    replaceMembers(this.#ranges, all, this.#touched.sets.serviceCidrs)
  }

  #settleClaims(): void {
    const { services, goneRoutes, clusterIPs } = this.#claims.settle()
    for (const key of services) this.#dirty.add(key)
    for (const route of goneRoutes) this.#publish(route, undefined)
    for (const address of clusterIPs) this.#touched.sets.clusterIPs.add(address)
  }

  #rebuild(key: string): void {
    const service = this.#services.get(key)
    const isHere = service !== undefined && clusterIPOf(service, this.family) !== undefined
    this.#placeHealthCheck(key, isHere ? service.healthCheckNodePort : 0)
    if (!isHere) return
    const slices = this.#slices.slicesOf(key)
    let changed = false
    for (const port of service.ports) {
      const route = routeKeyOf(service, port)
      const before = this.#routes.get(route)
      const after = buildRoute({
        key: before?.key ?? route,
        before,
        service,
        port,
        family: this.family,
        destinations: this.#claims.ownedBy(route, destinationsOf(service, port, this.family)),
        selection: selectEndpoints(mergeSlices(slices, port.name, port.protocol), this.#node),
        node: this.#node,
        allowedSources: this.#allowedSources.get(key),
        detectsPods: this.#options.podSource.by !== 'none',
        masqueradeAll: this.#options.masqueradeAll ?? false,
      })
      if (this.#publish(route, after)) changed = true
    }
    if (changed) this.#touched.triggerTimes.push(...(this.#triggerTimes.get(key) ?? []))
  }

  /** @param port 0: none */
  #placeHealthCheck(key: string, port: number): void {
    const before = this.#healthCheckOf.get(key) ?? 0
    if (before === port) return
    const touched = this.#touched.sets.healthCheckNodePorts
    if (before !== 0 && this.#healthChecks.release(before)) touched.add(before)
    if (port !== 0 && this.#healthChecks.hold(port)) touched.add(port)
    if (port === 0) this.#healthCheckOf.delete(key)
    else this.#healthCheckOf.set(key, port)
  }

  /** Whether anything changed. */
  #publish(key: RouteKey, after: ServiceRoute | undefined): boolean {
    const before = this.#routes.get(key)
    if (before === after) return false
    if (after === undefined) this.#routes.delete(key)
    else this.#routes.set(key, after)
    this.#touched.routes.add(key)
    if (before?.endpoints !== after?.endpoints) {
      for (const address of localAddressesOf(after)) {
        if (this.#hairpins.hold(address)) this.#touched.sets.hairpinAddresses.add(address)
      }
      for (const address of localAddressesOf(before)) {
        if (this.#hairpins.release(address)) this.#touched.sets.hairpinAddresses.add(address)
      }
    }
    return true
  }
}

/** What an annotation may add to the latency metric between two drains, for one Service. */
const mostTriggerTimes = 100

/** One entry for each local endpoint in each list: held and released alike, so the counts come out even. */
function* localAddressesOf(route: ServiceRoute | undefined): Generator<Address> {
  if (route === undefined) return
  for (const endpoint of route.endpoints.cluster) if (endpoint.local) yield endpoint.address
  for (const endpoint of route.endpoints.local) yield endpoint.address
}

function replaceMembers<Member>(set: Set<Member>, wanted: ReadonlySet<Member>, touched: Set<Member>): void {
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
