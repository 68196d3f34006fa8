import type {
  NodeRecord,
  ObjectProblem,
  ServiceCidrRecord,
  ServicePort,
  ServiceRecord,
  SliceRecord,
} from '../../cluster/records.ts'
import { type Address, type Cidr, type IpFamily, parseAddress, parseCidr } from '../../network/address.ts'
import type { ObservedSets, PodSource, RoutingTable } from '../routing-table.ts'
import type { EndpointScope, RouteKey, ServiceRoute } from '../service-route.ts'
import { type Touched, TouchedSets } from '../touched.ts'
import type { UdpServers } from '../udp-flows.ts'
import { type NodeTopology, selectEndpoints } from './endpoint-selection.ts'
import { frontendProblem } from './frontend-problem.ts'
import { addLocalReady, type HealthCheckListener, HealthCheckPorts } from './health-check-ports.ts'
import type { NodePortPolicy } from './node-addresses.ts'
import { NodeSets } from './node-sets.ts'
import { buildRoute } from './route-builder.ts'
import { RouteSet } from './route-set.ts'
import { ServiceClaims } from './service-claims.ts'
import { clusterIPOf, destinationsOf, routeKeyOf, serviceKeyOf } from './service-frontends.ts'
import { ServiceRanges } from './service-ranges.ts'
import { mergeSlices, SliceCache } from './slice-cache.ts'
import { allowedSources } from './source-ranges.ts'
import { UdpServerSet } from './udp-server-set.ts'

export interface TableBuilderOptions {
  readonly family: IpFamily
  /** This node's name, as slices name it. Empty: nothing is local. */
  readonly nodeName: string
  /** How local pods are told from others, in this family. */
  readonly podSource: PodSource
  /** Whether all traffic to ClusterIPs is masqueraded. Default: false. */
  readonly masqueradeAll?: boolean
  /** Default: `primary` alone. */
  readonly nodePortAddresses?: NodePortPolicy
  /** Whether NodePorts answer at loopback, where `nodePortAddresses` has it. Default: false. */
  readonly localhostNodePorts?: boolean
  /** The node's primary address of this family, in place of what its Node object says (`bindAddress`). */
  readonly nodeAddress?: Address
  /** Trigger times before this are of changes that a predecessor saw: milliseconds since the epoch. Default: 0. */
  readonly triggersSince?: number
  /** Told of each claim that a Service loses to another one. */
  readonly onProblem?: (problem: ObjectProblem) => void
  /** Told, by `drain`, of each health check that changed. */
  readonly onHealthCheck?: HealthCheckListener
}

interface PendingEvents {
  services: number
  slices: number
}

/** What a route is built from. */
export interface RouteOrigin {
  readonly service: ServiceRecord
  readonly port: ServicePort
  /** Of the Service and the family, in the order of their keys. */
  readonly slices: readonly SliceRecord[]
  readonly node: NodeTopology
  readonly masqueradeAll: boolean
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
  #node: NodeTopology

  /** Services whose routes must be worked out again. */
  readonly #dirty = new Set<string>()
  /** Events that marked them, by what they were of. */
  readonly #pending: PendingEvents = { services: 0, slices: 0 }
  readonly #triggerTimes = new Map<string, number[]>()
  /** Only of Services with source ranges. */
  readonly #allowedSources = new Map<string, readonly Cidr[]>()
  #touched = new TouchedSets()

  readonly #routes = new RouteSet()
  readonly #claims: ServiceClaims
  readonly #nodeSets: NodeSets
  readonly #serviceRanges: ServiceRanges
  readonly #healthChecks: HealthCheckPorts
  readonly #udpServers: UdpServerSet
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
    this.#nodeSets = new NodeSets({
      family: options.family,
      policy: options.nodePortAddresses ?? ['primary'],
      localhost: options.localhostNodePorts ?? false,
      primary: options.nodeAddress,
    })
    this.#serviceRanges = new ServiceRanges(options.family)
    this.#healthChecks = new HealthCheckPorts(options.onHealthCheck)
    this.#udpServers = new UdpServerSet(this.#nodeSets.nodePortAddresses)
    this.table = {
      family: options.family,
      routes: this.#routes.routes,
      frontends: this.#claims.owners,
      clusterIPs: this.#claims.clusterIPs,
      serviceCidrs: this.#serviceRanges.cidrs,
      nodePortAddresses: this.#nodeSets.nodePortAddresses,
      hairpinAddresses: this.#routes.hairpinAddresses,
      healthCheckNodePorts: this.#healthChecks.ports,
      localAddresses: this.#nodeSets.localAddresses,
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
    if (concerned.length > 0) this.#pending.slices++
    const { triggerTime } = slice
    if (concerned.length === 0 || triggerTime === undefined) return
    if (triggerTime < (this.#options.triggersSince ?? 0)) return
    const times = this.#triggerTimes.get(slice.serviceKey) ?? []
    if (times.length < maxTriggerTimes) this.#triggerTimes.set(slice.serviceKey, [...times, triggerTime])
  }

  /** The Service's pending trigger times go too: they measured endpoints that never came to be (SEMANTICS 3). */
  removeSlice(key: string): void {
    const service = this.#slices.remove(key)
    if (service === undefined) return
    this.#pending.slices++
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
    this.#moving(() => this.#nodeSets.setNodeAddresses(node.addresses))
  }

  /** The node as last known stays: traffic doesn't stop because its Node object is made again. */
  removeNode(_key: string): void {}

  setServiceCidr(record: ServiceCidrRecord): void {
    this.#serviceRanges.set(record)
  }

  removeServiceCidr(key: string): void {
    this.#serviceRanges.remove(key)
  }

  /** Whether ServiceCIDRs can be read at all; until told they can. */
  setServiceCidrsReadable(readable: boolean): void {
    this.#serviceRanges.setReadable(readable)
  }

  /** All addresses of this node's interfaces, of both families. Until told, those of its Node object count. */
  setLocalAddresses(addresses: ReadonlySet<Address>): void {
    this.#nodeSets.setInterfaceAddresses(addresses)
  }

  /** The servers of each route of UDP, as of the last `drain`. Changes in place at the next one. */
  get udpServers(): UdpServers {
    return this.#udpServers.servers
  }

  /** Whether `drain` has anything to work out. */
  get isPending(): boolean {
    return (
      this.#dirty.size > 0 ||
      this.#claims.isPending ||
      this.#nodeSets.isPending ||
      this.#serviceRanges.isPending
    )
  }

  /** Events of Services and slices that the next `drain` takes in. */
  get pendingEvents(): Readonly<PendingEvents> {
    return this.#pending
  }

  /** Brings the table up to date; gives what was touched since the last time. */
  drain(): Touched {
    if (this.#nodeSets.isPending) this.#placeNodeSets()
    if (this.#serviceRanges.isPending) this.#serviceRanges.place(this.#touched.sets)
    this.#settleClaims()
    for (const key of this.#dirty) this.#rebuild(key)
    this.#dirty.clear()
    this.#pending.services = 0
    this.#pending.slices = 0
    this.#triggerTimes.clear()
    const touched = this.#touched
    this.#touched = new TouchedSets()
    return touched
  }

  /**
   * The sets of the table that nothing is known of yet: those that follow a Node object which is missing, or has no address
   * yet, and ServiceCIDRs that can't be read. Unknown is not none: what the kernel held at the start stays in them.
   */
  get unknownSets(): readonly (keyof ObservedSets)[] {
    return [
      ...(this.#nodeSets.isPrimaryUnknown ? (['nodePortAddresses'] as const) : []),
      ...(this.#serviceRanges.isUnknown ? (['serviceCidrs'] as const) : []),
    ]
  }

  /**
   * Takes over what a predecessor left in the kernel of the sets that are unknown. To be called before anything is applied,
   * with `drain` before it and after it.
   */
  adoptSets(observedSets: () => ObservedSets): void {
    const unknown = this.unknownSets
    if (unknown.length === 0) return
    const { nodePortAddresses, serviceCidrs } = observedSets()
    if (unknown.includes('nodePortAddresses')) {
      const observed = nodePortAddresses.flatMap((text) => parseAddress(text) ?? [])
      this.#moving(() => this.#nodeSets.adoptNodePortAddresses(observed))
    }
    if (unknown.includes('serviceCidrs'))
      this.#serviceRanges.adopt(serviceCidrs.flatMap((text) => parseCidr(text) ?? []))
  }

  /**
   * Takes over the order in which a predecessor left the endpoints in the kernel, for the table as of the last `drain`.
   * To be called before anything is applied: nothing is touched by it.
   */
  adoptOrder(orderOf: (route: ServiceRoute, over: EndpointScope) => readonly string[] | undefined): void {
    this.#routes.adoptOrder(orderOf)
  }

  /** What a route was built from, as it is now; `undefined`: there is no such Service or port any more. */
  originOf(route: RouteKey): RouteOrigin | undefined {
    const service = this.#services.get(serviceKeyOf(route))
    const port = service?.ports.find((one) => routeKeyOf(service, one) === route)
    if (service === undefined || port === undefined) return undefined
    const slices = this.#slices.slicesOf(service.key)
    return { service, port, slices, node: this.#node, masqueradeAll: this.#options.masqueradeAll ?? false }
  }

  /** How many Services and destinations are held for reasons beyond the table; for tests against leaks. */
  get observed(): { readonly services: number; readonly sliceServices: number; readonly contested: number } {
    return {
      services: this.#services.size,
      sliceServices: this.#slices.serviceCount,
      contested: this.#claims.contestedCount,
    }
  }

  #changeService(key: string, service: ServiceRecord | undefined): void {
    const before = this.#services.get(key)
    this.#pending.services++
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
        : allowedSources(
            service.sourceRanges,
            this.family,
            this.#nodeSets.sourceAddress,
            service.loadBalancerIPs,
          )
    if (sources === undefined) this.#allowedSources.delete(key)
    else this.#allowedSources.set(key, sources)
  }

  /** Services with source ranges are worked out again if the address that the node's own packets come from changes. */
  #moving(change: () => void): void {
    const before = this.#nodeSets.sourceAddress
    change()
    if (this.#nodeSets.sourceAddress === before) return
    for (const [key, service] of this.#services) {
      if (service.sourceRanges.length === 0) continue
      this.#restrict(key, service)
      this.#dirty.add(key)
    }
  }

  #placeNodeSets(): void {
    const { nodePortAddresses } = this.#nodeSets
    const before = new Set(nodePortAddresses)
    this.#nodeSets.place(this.#touched.sets)
    const added = [...nodePortAddresses].filter((address) => !before.has(address))
    if (added.length > 0) this.#udpServers.moved(added, this.#routes.routes, this.#touched)
  }

  #settleClaims(): void {
    const { services, goneRoutes, clusterIPs } = this.#claims.settle()
    for (const key of services) this.#dirty.add(key)
    for (const route of goneRoutes) {
      this.#routes.publish(route, undefined, this.#touched)
      this.#udpServers.remove(route)
    }
    for (const address of clusterIPs) this.#touched.sets.clusterIPs.add(address)
  }

  #rebuild(key: string): void {
    const service = this.#services.get(key)
    const isHere = service !== undefined && clusterIPOf(service, this.family) !== undefined
    if (!isHere) {
      this.#healthChecks.place(key, undefined, this.#touched.sets)
      return
    }
    const checkPort = service.healthCheckNodePort
    const localReady = checkPort === 0 ? undefined : new Set<Address>()
    const slices = this.#slices.slicesOf(key)
    let changed = false
    for (const port of service.ports) {
      const route = routeKeyOf(service, port)
      const before = this.#routes.routes.get(route)
      const endpoints = mergeSlices(slices, port.name, port.protocol)
      if (localReady !== undefined) addLocalReady(localReady, endpoints, this.#node)
      const after = buildRoute({
        key: before?.key ?? route,
        before,
        service,
        port,
        family: this.family,
        destinations: this.#claims.ownedBy(route, destinationsOf(service, port, this.family)),
        selection: selectEndpoints(endpoints, this.#node),
        node: this.#node,
        allowedSources: this.#allowedSources.get(key),
        detectsPods: this.#options.podSource.by !== 'none',
        masqueradeAll: this.#options.masqueradeAll ?? false,
      })
      if (this.#routes.publish(route, after, this.#touched)) changed = true
      if (after === undefined) this.#udpServers.remove(route)
      else if (after.protocol === 'UDP') this.#udpServers.place(before, after, endpoints, this.#touched)
    }
    const check = localReady === undefined ? undefined : { port: checkPort, localEndpoints: localReady.size }
    this.#healthChecks.place(key, check, this.#touched.sets)
    if (changed) this.#touched.triggerTimes.push(...(this.#triggerTimes.get(key) ?? []))
  }
}

/** What an annotation may add to the latency metric between two drains, for one Service. */
const maxTriggerTimes = 100
