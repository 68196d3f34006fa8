import type { Capabilities } from '../dataplane/contract.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import type { RouteKey } from '../table/service-route.ts'

/** How many Services a line names. */
const shownServices = 10

/** A dataplane as far as it decides what a change to or from it loses. */
export interface Side {
  readonly name: string
  readonly capabilities: Capabilities
  /** Whether it can be drained. */
  readonly drains: boolean
}

/**
 * What Services lose when one dataplane takes over from another, by the nature of the two: a line for each kind of loss.
 *
 * @param tables of all families, as the new one has them; absent: they aren't known, and no Service is named
 */
export function losses(tables: readonly RoutingTable[] | undefined, from: Side, to: Side): string[] {
  const routes = (tables ?? []).flatMap((table) => [...table.routes.values()])
  const lines: string[] = []
  const tell = (names: readonly string[], what: string): void => {
    if (names.length > 0) lines.push(`${what}: ${listed(names)}`)
  }
  for (const protocol of from.capabilities.protocols) {
    if (to.capabilities.protocols.includes(protocol)) continue
    const lost = routes.filter((route) => route.protocol === protocol)
    if (tables === undefined)
      lines.push(`${to.name} can't translate ${protocol}: ports of that protocol are served no more`)
    tell(
      lost.map(({ name }) => name),
      `${to.name} can't translate ${protocol}, so that these ports are served no more`,
    )
  }
  tell(
    routes.filter(({ affinitySeconds }) => affinitySeconds !== undefined).map(({ name }) => name),
    'clients with session affinity are given an endpoint anew, which may be another one',
  )
  for (const [feature, gap] of Object.entries(to.capabilities.gaps))
    if (!Object.hasOwn(from.capabilities.gaps, feature)) lines.push(`${to.name} lacks ${feature}: ${gap}`)
  if (!keepsConnections(from, to)) lines.push(`established connections that ${from.name} translates end`)
  return lines
}

/**
 * Service ports that the new dataplane doesn't hold as asked, a line for each reason. Of protocols that it can't translate
 * {@link losses} tells.
 *
 * @param degraded reasons by route of the table
 */
export function degradedRoutes(
  table: RoutingTable,
  degraded: ReadonlyMap<string, string>,
  to: Pick<Side, 'name' | 'capabilities'>,
): string[] {
  const names = new Map<string, string[]>()
  for (const [key, reason] of degraded) {
    const route = table.routes.get(key as RouteKey)
    if (route === undefined || !to.capabilities.protocols.includes(route.protocol)) continue
    const sharing = names.get(reason) ?? []
    sharing.push(route.name)
    names.set(reason, sharing)
  }
  return [...names].map(
    ([reason, all]) => `${to.name} doesn't hold these ports as asked (${reason}): ${listed(all)}`,
  )
}

function listed(names: readonly string[]): string {
  const services = [...new Set(names)]
  const shown = services.slice(0, shownServices)
  const more = services.length > shown.length ? ` and ${services.length - shown.length} more` : ''
  return `${shown.join(', ')}${more}`
}

/** Whether established connections outlive the change. */
export function keepsConnections(from: Side, to: Side): boolean {
  return from.drains || shareConnections(from.capabilities, to.capabilities)
}

/** Whether both remember connections in the same place, so that the one goes on with those of the other. */
export function shareConnections(one: Capabilities, other: Capabilities): boolean {
  return one.connections !== undefined && one.connections === other.connections
}
