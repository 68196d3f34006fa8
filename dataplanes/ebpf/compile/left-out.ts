import type { RouteKey, ServiceRoute } from '@portolan/core'
import type { MapName } from '../layout/maps.ts'
import { sizeSetting } from '../layout/settings.ts'
import type { RouteStep } from './program.ts'

/** A route that there is no room for. */
interface Left {
  readonly wanted: ServiceRoute
  /** Has every frontend, range and member that the maps hold of it, and maybe more; its endpoints may be others. */
  readonly observed: ServiceRoute | undefined
}

/**
 * One family's routes that the maps have no room for. They are tried again when something has been deleted, by the
 * comparison of everything and not by each change: ten thousand of them must not slow a change down.
 */
export class LeftOut {
  readonly #routes = new Map<RouteKey, Left>()
  #roomCame = false

  add(wanted: ServiceRoute, observed: ServiceRoute | undefined): void {
    this.#routes.set(wanted.key, { wanted, observed })
  }

  delete(key: RouteKey): void {
    this.#routes.delete(key)
  }

  has(key: RouteKey): boolean {
    return this.#routes.has(key)
  }

  /** The step from what the maps hold, where that isn't what was wanted of them last. */
  fromObserved(step: RouteStep): RouteStep {
    const left = this.#routes.get(step.key)
    if (left === undefined) return step
    const { before: _, ...rest } = step
    return left.observed === undefined ? rest : { ...rest, before: left.observed }
  }

  /** Something was deleted from a map, of whichever family. */
  roomCame(): void {
    this.#roomCame = true
  }

  /**
   * Everything has been compared with this table, and what it doesn't have goes: what may fit now is tried, and what it
   * doesn't have is forgotten.
   */
  compared(routes: ReadonlyMap<RouteKey, ServiceRoute>): void {
    for (const [key, { wanted }] of this.#routes) {
      if (routes.get(key) === wanted) this.#routes.set(key, { wanted, observed: wanted })
      else this.#routes.delete(key)
    }
    this.#roomCame = false
  }

  /** Whether trying again may help one of them. */
  get mayFit(): boolean {
    return this.#roomCame && this.#routes.size > 0
  }

  /** Whether the route, as it is, is known not to fit. */
  isHopeless(route: ServiceRoute): boolean {
    return !this.#roomCame && this.#routes.get(route.key)?.wanted === route
  }
}

/** What is to be told about a map without room. */
export function fullMap(name: MapName, maxEntries: number): string {
  const setting = sizeSetting(name)
  const fix =
    setting === undefined
      ? 'it has its largest size'
      : `raise it with --dataplane-option ${setting}=${2 * maxEntries}`
  return `the map '${name}' is full (${maxEntries} elements) and ${consequence[name] ?? 'it stays as it was'}; ${fix}`
}

const consequence: Partial<Record<MapName, string>> = {
  frontends: 'some of its addresses and ports are not served',
  ranges: 'some of its allowed sources are refused',
  members: 'clients may come to another of its endpoints each time',
}
