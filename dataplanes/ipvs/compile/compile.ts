import {
  type Address,
  type EndpointScope,
  type FrontendKey,
  findFrontend,
  frontendKey,
  type RoutingTable,
  type ServiceRoute,
  type SetChange,
  type TableChange,
} from '@portolan/core'
import { type Destination, destinationKey, type Element, readDestinationKey } from '../layout/element.ts'
import type { SetName } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import type { VirtualServer } from '../layout/virtual-server.ts'
import { nothingMissing } from './base-rules.ts'
import { changePlacement, settledPlacement } from './change-placement.ts'
import { changeServer, settledServer } from './change-server.ts'
import { MarkChange } from './mark-numbers.ts'
import type { Memory } from './memory.ts'
import {
  classesOf,
  destinationsOfRoute,
  isExcluded,
  markedLists,
  markedServer,
  markOwner,
  type Placement,
  placementAt,
} from './placement.ts'
import type { IpvsProgram } from './program.ts'
import { StepOrder } from './step.ts'

/** The program for a change: costs what the change costs, but for addresses of the node that come or go. */
export function compile(change: TableChange, settings: IpvsSettings, memory: Memory): IpvsProgram {
  const compiler = new Compiler(change.table, settings, memory)
  for (const { before, after } of change.routes) compiler.route(before, after)
  for (const route of otherRoutesWithMarks(change)) compiler.route(route, route)
  const { added, removed } = change.nodePortAddresses
  if (added.length + removed.length > 0) compiler.nodeAddresses(added, removed)
  for (const { before, after } of change.routes) {
    compiler.destinations(before, removed)
    compiler.destinations(after, removed)
  }
  compiler.plain(change)
  return compiler.program()
}

/**
 * Routes that haven't changed themselves, and yet may need a virtual server by mark from now on, or no longer: where a
 * NodePort answers follows from the node's addresses, and from the virtual IPs there that go before it.
 */
function otherRoutesWithMarks({ table, routes, nodePortAddresses }: TableChange): Set<ServiceRoute> {
  const others = new Set<ServiceRoute>()
  const { added, removed } = nodePortAddresses
  if (added.length + removed.length > 0) {
    for (const route of table.routes.values())
      if (route.frontends.some(({ address }) => address === undefined)) others.add(route)
  }
  for (const { before, after } of routes) {
    for (const route of [before, after]) {
      for (const { address, port } of route?.frontends ?? []) {
        if (route === undefined || address === undefined || !table.nodePortAddresses.has(address)) continue
        const key = table.frontends.get(frontendKey(undefined, route.protocol, port))
        const behind = key === undefined ? undefined : table.routes.get(key)
        if (behind !== undefined) others.add(behind)
      }
    }
  }
  for (const { after } of routes) if (after !== undefined) others.delete(after)
  return others
}

/** Collects the steps from what the memory says to what the table says. */
export class Compiler {
  readonly order = new StepOrder()
  readonly #table: RoutingTable
  readonly #settings: IpvsSettings
  readonly #memory: Memory
  readonly #owners = new MarkChange()
  readonly #placements = new Map<FrontendKey, Placement | undefined>()
  readonly #marked = new Map<number, VirtualServer | undefined>()
  readonly #degraded = new Map<string, string>()

  constructor(table: RoutingTable, settings: IpvsSettings, memory: Memory) {
    this.#table = table
    this.#settings = settings
    this.#memory = memory
  }

  /** The virtual servers by mark of a route. */
  route(before: ServiceRoute | undefined, after: ServiceRoute | undefined): void {
    const some = after ?? before
    if (some === undefined) return
    const needed = this.#markedListsOf(after)
    for (const over of ['cluster', 'local'] as const) {
      const owner = markOwner(some, over)
      const known = this.#memory.marks.of(owner)
      if (after !== undefined && needed.has(over)) {
        const mark = this.#memory.marks.propose(owner, this.#owners)
        this.marked(mark, markedServer(after, over, mark, this.#settings), after.protocol !== 'UDP')
      } else if (known !== undefined) {
        this.#owners.giveBack(owner)
        this.marked(known, undefined, some.protocol !== 'UDP')
      }
    }
  }

  /** One virtual server by mark. */
  marked(mark: number, wanted: VirtualServer | undefined, drains: boolean): void {
    const before = this.#memory.marked.get(mark)
    const after = settledServer(before, wanted, drains)
    changeServer(before, after, this.order)
    this.#marked.set(mark, after)
  }

  /** All destinations of a route. */
  destinations(route: ServiceRoute | undefined, moreAddresses: readonly Address[] = []): void {
    for (const destination of destinationsOfRoute(route, [
      ...this.#table.nodePortAddresses,
      ...moreAddresses,
    ])) {
      if (route !== undefined && isExcluded(destination, this.#settings))
        this.#degraded.set(
          route.key,
          `${destination.address} is in exclude-cidrs, where virtual servers are left alone`,
        )
      this.destination(destination)
    }
  }

  destination(destination: Destination): void {
    const key = destinationKey(destination)
    if (this.#placements.has(key)) return
    const before = this.#memory.placements.get(key)
    const wanted = placementAt(this.#table, destination, this.#settings, (owner) =>
      this.#memory.marks.propose(owner, this.#owners),
    )
    const after = settledPlacement(before, wanted, destination.protocol !== 'UDP')
    changePlacement(destination, before, after, this.order)
    this.#placements.set(key, after)
  }

  /** Addresses at which NodePorts begin or cease to be served: the one change that walks the whole table. */
  nodeAddresses(added: readonly Address[], removed: readonly Address[]): void {
    if (added.length > 0) {
      for (const route of this.#table.routes.values())
        for (const { address, port } of route.frontends)
          if (address === undefined)
            for (const at of added) this.destination({ address: at, protocol: route.protocol, port })
    }
    const gone = new Set<string>(removed)
    if (gone.size === 0) return
    for (const key of [...this.#memory.placements.keys()]) {
      const destination = readDestinationKey(key)
      if (gone.has(destination.address)) this.destination(destination)
    }
  }

  /** The sets that don't follow from destinations. */
  plain(change: Pick<TableChange, 'clusterIPs' | 'serviceCidrs' | 'hairpinAddresses'>): void {
    this.#changeSet('CLUSTER-IPS', change.clusterIPs, (address) => ({ address }))
    this.#changeSet('SERVICE-CIDRS', change.serviceCidrs, (cidr) => ({ cidr }))
    this.#changeSet('HAIRPIN', change.hairpinAddresses, (loop) => ({ loop }))
  }

  program(): IpvsProgram {
    const { steps } = this.order
    return {
      family: this.#table.family,
      table: this.#table,
      baseRules: nothingMissing,
      steps,
      operations: steps.length,
      outcome: {
        family: this.#table.family,
        memory: this.#memory,
        placements: this.#placements,
        marked: this.#marked,
        owners: this.#owners,
      },
      findings: [],
      degraded: [...this.#degraded].map(([route, reason]) => ({ route, reason })),
    }
  }

  #changeSet<Value>(set: SetName, change: SetChange<Value>, make: (value: Value) => Element): void {
    // ClusterIPs and their ranges refuse what is not served: they go before what is, as they come after it.
    const removing = set === 'HAIRPIN' ? this.order.leave : this.order.close
    for (const value of change.added) this.order.open.push({ do: 'add-element', set, element: make(value) })
    for (const value of change.removed) removing.push({ do: 'delete-element', set, element: make(value) })
  }

  /**
   * The lists of a route that some destination leads to by a mark. A mark that no destination has would be unused after
   * a restart, and given anew at every comparison.
   */
  #markedListsOf(route: ServiceRoute | undefined): Set<EndpointScope> {
    const lists = new Set<EndpointScope>()
    const classes = classesOf(this.#table)
    for (const destination of destinationsOfRoute(route, this.#table.nodePortAddresses)) {
      const found = findFrontend(this.#table, destination)
      if (found?.route !== route || found === undefined || isExcluded(destination, this.#settings)) continue
      for (const over of markedLists(found.frontend, classes).values()) lists.add(over)
    }
    return lists
  }
}
