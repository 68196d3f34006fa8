import type { Degraded } from '../dataplane/contract.ts'
import type { IpFamily } from '../network/address.ts'
import type { Applied } from './observer.ts'

/** What an apply changed about routes that can't be programmed as asked. */
export interface DegradedChange {
  /** Newly so, or for another reason than before. */
  readonly degraded: readonly Degraded[]
  /** As asked again. A route that is gone has not recovered. */
  readonly recovered: readonly string[]
}

const nothing: DegradedChange = { degraded: [], recovered: [] }

/** Which routes are programmed otherwise than asked, from what each apply tells of those that it has looked at. */
export class DegradedRoutes {
  /** The reasons, by family and route. */
  readonly #known = new Map<IpFamily, Map<string, string>>()

  /** The reasons, by route. */
  of(family: IpFamily): ReadonlyMap<string, string> {
    return this.#known.get(family) ?? new Map()
  }

  /** How many there are now. */
  count(family: IpFamily): number {
    return this.#known.get(family)?.size ?? 0
  }

  take({
    family,
    report,
    routes,
    why,
  }: Pick<Applied, 'family' | 'report' | 'routes' | 'why'>): DegradedChange {
    const known = this.#known.get(family) ?? new Map<string, string>()
    if (known.size === 0 && report.degraded.length === 0) return nothing
    const now = new Map(report.degraded.map(({ route, reason }) => [route, reason]))
    // An apply tells of the routes that it has looked at: of all, but for a change.
    const lookedAt = why === 'change' ? routes.map(({ key }) => key) : [...known.keys()]
    const gone = new Set(routes.flatMap(({ key, after }) => (after === undefined ? [key as string] : [])))
    const recovered: string[] = []
    for (const route of lookedAt) {
      if (now.has(route) || !known.delete(route)) continue
      if (!gone.has(route)) recovered.push(route)
    }
    const degraded = report.degraded.filter(({ route, reason }) => known.get(route) !== reason)
    for (const { route, reason } of degraded) known.set(route, reason)
    this.#known.set(family, known)
    return { degraded, recovered }
  }
}
