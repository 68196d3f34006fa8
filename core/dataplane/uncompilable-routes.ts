import type { RoutingTable } from '../table/routing-table.ts'
import type { ServiceRoute } from '../table/service-route.ts'
import type { RouteChange, TableChange } from '../table/table-change.ts'
import { tableWithout } from '../table/table-without.ts'
import type { Degraded } from './compiled-program.ts'
import { thrownMessage } from './dataplane-error.ts'

/** A program that leaves out routes which its dataplane can't compile. */
export interface PartialProgram<Program> {
  readonly program: Program
  /** The routes that are left out, of those that the program is about. */
  readonly leftOut: readonly Degraded[]
}

/** With more routes than this at fault it isn't the routes that are. */
const maxCulprits = 100

/**
 * Keeps one route that a dataplane can't compile from taking all others with it: the route is left out, alone, and to
 * the dataplane it is as if it weren't there. A version of a route is a value that never changes, so what was found of
 * one holds until the Service changes.
 */
export class UncompilableRoutes<Program> {
  /** By version of the route; why it can't be compiled. */
  readonly #reasons = new WeakMap<ServiceRoute, string>()
  /** False: nothing was ever left out, and the way of every change is the short one. */
  #any = false
  readonly #dataplane: string

  /** @param dataplane its name, for the reasons */
  constructor(dataplane: string) {
    this.#dataplane = dataplane
  }

  /**
   * @param compile the dataplane's. Called again for parts of the change where it throws for the whole.
   * @throws what `compile` throws, where no single route is at fault.
   */
  compile(change: TableChange, compile: (change: TableChange) => Program): PartialProgram<Program> {
    const attempt = (): PartialProgram<Program> => {
      const seen = this.#any ? this.#changeWithout(change) : change
      return { program: compile(seen), leftOut: this.#any ? this.#leftOutOf(change.routes) : [] }
    }
    try {
      return attempt()
    } catch (error) {
      const compilePart = (routes: readonly RouteChange[]): unknown =>
        compile({ ...withoutSets(change), routes, table: this.#tableWithout(change.table) })
      const routes = this.#changeWithout(change).routes.filter(({ after }) => after !== undefined)
      if (!this.#leaveOut(findCulprits(routes, compilePart), ({ after }) => after)) throw error
      return attempt()
    }
  }

  /** The same for a whole table; `reconcile` is called for parts of the table where it throws for the whole. */
  reconcile(table: RoutingTable, reconcile: (table: RoutingTable) => Program): PartialProgram<Program> {
    const attempt = (): PartialProgram<Program> => {
      if (!this.#any) return { program: reconcile(table), leftOut: [] }
      const leftOut = this.#leftOutOf([...table.routes.values()].map((after) => ({ key: after.key, after })))
      return { program: reconcile(this.#tableWithout(table)), leftOut }
    }
    try {
      return attempt()
    } catch (error) {
      const reconcilePart = (part: readonly ServiceRoute[]): unknown => {
        const wanted = new Set(part)
        return reconcile(tableWithout(table, (route) => !wanted.has(route)))
      }
      const routes = [...table.routes.values()].filter((route) => !this.#reasons.has(route))
      if (!this.#leaveOut(findCulprits(routes, reconcilePart), (route) => route)) throw error
      return attempt()
    }
  }

  /** Whether any route was found to be at fault. */
  #leaveOut<One>(
    culprits: readonly { readonly one: One; readonly error: unknown }[],
    routeOf: (one: One) => ServiceRoute | undefined,
  ): boolean {
    for (const { one, error } of culprits) {
      const route = routeOf(one)
      if (route !== undefined) this.#reasons.set(route, thrownMessage(error))
    }
    if (culprits.length > 0) this.#any = true
    return culprits.length > 0
  }

  #leftOutOf(changes: readonly RouteChange[]): readonly Degraded[] {
    return changes.flatMap(({ key, after }) => {
      const reason = after === undefined ? undefined : this.#reasons.get(after)
      return reason === undefined
        ? []
        : {
            route: key,
            reason: `dataplane ${this.#dataplane} can't compile it, so it is left out: ${reason}; report it to the author of the dataplane`,
          }
    })
  }

  #tableWithout(table: RoutingTable): RoutingTable {
    return this.#any ? tableWithout(table, (route) => this.#reasons.has(route)) : table
  }

  /** As seen by a dataplane that knows nothing of what is left out. */
  #changeWithout(change: TableChange): TableChange {
    if (!this.#any) return change
    const routes = change.routes.flatMap(({ key, before, after }): RouteChange[] => {
      const [was, is] = [this.#visible(before), this.#visible(after)]
      if (was === undefined && is === undefined) return []
      return [
        { key, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) },
      ]
    })
    return { ...change, routes, table: this.#tableWithout(change.table) }
  }

  #visible(route: ServiceRoute | undefined): ServiceRoute | undefined {
    return route !== undefined && this.#reasons.has(route) ? undefined : route
  }
}

/** Those that make `attempt` throw when they are in it alone; found by halving. */
function findCulprits<One>(
  all: readonly One[],
  attempt: (part: readonly One[]) => unknown,
): readonly { readonly one: One; readonly error: unknown }[] {
  const culprits: { one: One; error: unknown }[] = []
  const search = (part: readonly One[]): void => {
    if (part.length === 0 || culprits.length > maxCulprits) return
    try {
      attempt(part)
    } catch (error) {
      const [one] = part
      if (part.length === 1 && one !== undefined) culprits.push({ one, error })
      else {
        const middle = part.length >> 1
        search(part.slice(0, middle))
        search(part.slice(middle))
      }
    }
  }
  search(all)
  return culprits.length > maxCulprits ? [] : culprits
}

function withoutSets(change: TableChange): TableChange {
  const unchanged = { added: [], removed: [] }
  return {
    ...change,
    clusterIPs: unchanged,
    serviceCidrs: unchanged,
    nodePortAddresses: unchanged,
    hairpinAddresses: unchanged,
    healthCheckNodePorts: unchanged,
    localAddresses: unchanged,
  }
}
