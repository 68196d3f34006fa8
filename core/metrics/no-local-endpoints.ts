import type { ServiceRoute } from '../table/service-route.ts'
import type { RouteChange } from '../table/table-change.ts'

/**
 * How many Service ports have a traffic policy Local, ready endpoints somewhere, and none on this node, so that what the
 * policy is about is dropped (SEMANTICS 6). Counted by what changes, so it costs nothing by the size of the table.
 */
export class NoLocalEndpoints {
  #internal = 0
  #external = 0

  /** At ClusterIPs, by internalTrafficPolicy. */
  get internal(): number {
    return this.#internal
  }

  /** At addresses and ports that are reached from outside, by externalTrafficPolicy. */
  get external(): number {
    return this.#external
  }

  /** Takes routes that have been applied, each after the last one of its key. */
  take(routes: readonly RouteChange[]): void {
    for (const { before, after } of routes) {
      // So it nearly always is: a route shares with the one before it what stays the same.
      if (before?.frontends === after?.frontends) continue
      this.#internal += Number(dropsInternal(after)) - Number(dropsInternal(before))
      this.#external += Number(dropsExternal(after)) - Number(dropsExternal(before))
    }
  }
}

function dropsInternal(route: ServiceRoute | undefined): boolean {
  return route?.frontends.some(({ kind, verdicts }) => kind === 'ClusterIP' && drops(verdicts)) ?? false
}

function dropsExternal(route: ServiceRoute | undefined): boolean {
  return route?.frontends.some(({ kind, verdicts }) => kind !== 'ClusterIP' && drops(verdicts)) ?? false
}

/** Clients from outside are those that every policy Local is about. */
function drops({ outside }: ServiceRoute['frontends'][number]['verdicts']): boolean {
  return outside.do === 'drop'
}
