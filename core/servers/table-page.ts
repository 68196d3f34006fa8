import { parseSocketAddress, type SocketAddress } from '../config/socket-address.ts'
import type { SyncProgress } from '../engine/progress.ts'
import { invalid } from '../explain/question-error.ts'
import { type Address, type IpFamily, ipFamilies, parseAddress } from '../network/address.ts'
import { type RoutingTable, tableSets } from '../table/routing-table.ts'
import { type Endpoint, endpointScopes, type Frontend, type ServiceRoute } from '../table/service-route.ts'
import { answering, asked } from './asked.ts'
import { type HttpHandler, jsonAnswer } from './http-answer.ts'
import { smallest } from './smallest.ts'

/** What the page shows of a proxy. */
export interface ShownTables {
  readonly families: readonly IpFamily[]
  table(family: IpFamily): RoutingTable | undefined
  progress(family: IpFamily): SyncProgress | undefined
}

const standardLimit = 100
const maxLimit = 1000

/** Endpoints of a page, at which it ends: about a megabyte. One route is shown however many it has. */
const maxEndpoints = 20_000

interface Filter {
  readonly service?: string | undefined
  readonly address?: Address | undefined
  readonly endpoint?: SocketAddress | undefined
}

/**
 * The routing tables as they were last compiled, in pages: routes in the order of their keys. What is asked for is looked
 * for in the whole table, which takes milliseconds at 100,000 routes.
 */
export function tablePage(shown: ShownTables): HttpHandler {
  return answering((request) => {
    const parameters = asked(request, ['service', 'address', 'endpoint', 'family', 'limit', 'after'])
    const filter: Filter = {
      service: readService(parameters.service),
      address: readAddress(parameters.address),
      endpoint: readEndpoint(parameters.endpoint),
    }
    const families = readFamily(parameters.family) ?? shown.families
    const limit = readLimit(parameters.limit)
    const found = families.flatMap((family) => {
      const table = shown.table(family)
      return table === undefined ? [] : matching(table, filter)
    })
    const { routes, next } = pageOf(found, parameters.after, limit)
    return jsonAnswer(200, {
      tables: families.map((family) => summary(family, shown)),
      matching: found.length,
      routes: routes.map(shownRoute),
      next,
    })
  })
}

function summary(family: IpFamily, shown: ShownTables): object {
  const table = shown.table(family)
  const progress = shown.progress(family)
  return {
    family,
    applied: progress?.inSyncAt !== undefined && progress.unappliedSince === undefined,
    routes: table?.routes.size ?? 0,
    ...Object.fromEntries(tableSets.map((name) => [name, table?.[name].size ?? 0])),
  }
}

function matching(table: RoutingTable, { service, address, endpoint }: Filter): ServiceRoute[] {
  const routes = [...table.routes.values()]
  return routes.filter(
    (route) =>
      (service === undefined || route.key.startsWith(`${service}:`)) &&
      (address === undefined || route.frontends.some((frontend) => answersAt(frontend, address, table))) &&
      (endpoint === undefined ||
        endpointScopes.some((scope) => route.endpoints[scope].some((one) => isThat(one, endpoint)))),
  )
}

function answersAt(frontend: Frontend, address: Address, { nodePortAddresses }: RoutingTable): boolean {
  return frontend.address === undefined ? nodePortAddresses.has(address) : frontend.address === address
}

function isThat(endpoint: Endpoint, wanted: SocketAddress): boolean {
  return endpoint.address === wanted.address && (wanted.port === 0 || endpoint.port === wanted.port)
}

/** Names a place in the order of pages. */
function placeOf({ key, family }: ServiceRoute): string {
  return `${key} ${family}`
}

/** By key, then by family: both may have a route of the same key. Never equal. */
function byPlace(one: ServiceRoute, other: ServiceRoute): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1
  return one.family < other.family ? -1 : 1
}

function pageOf(
  found: readonly ServiceRoute[],
  after: string | undefined,
  limit: number,
): { readonly routes: readonly ServiceRoute[]; readonly next: string | null } {
  const rest = after === undefined ? found : found.filter((route) => placeOf(route) > after)
  const routes = smallest(rest, limit + 1, byPlace)
  let endpoints = 0
  const end = routes.findIndex((route, index) => {
    endpoints += endpointScopes.reduce((sum, scope) => sum + route.endpoints[scope].length, 0)
    return index === limit || (index > 0 && endpoints > maxEndpoints)
  })
  const last = routes[end - 1]
  return end < 0 || last === undefined
    ? { routes, next: null }
    : { routes: routes.slice(0, end), next: placeOf(last) }
}

function shownRoute({
  key,
  name,
  family,
  protocol,
  affinitySeconds,
  frontends,
  endpoints,
}: ServiceRoute): object {
  return {
    key,
    name,
    family,
    protocol,
    affinitySeconds: affinitySeconds ?? null,
    frontends: frontends.map(({ kind, address, port, allowedSources, verdicts }) => ({
      kind,
      address: address ?? null,
      port,
      allowedSources: allowedSources ?? null,
      verdicts,
    })),
    endpoints,
  }
}

function readService(text: string | undefined): string | undefined {
  if (text === undefined || /^[^/]+\/[^/]+$/.test(text)) return text
  throw invalid('service: not a Service', 'write it as namespace/name')
}

function readAddress(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined
  const address = parseAddress(text)
  if (address === undefined) throw invalid('address: not an IP address', 'write it as 10.96.0.10 or fd00::10')
  return address
}

function readEndpoint(text: string | undefined): Filter['endpoint'] {
  if (text === undefined) return undefined
  // Port 0 stands for any.
  const endpoint = parseSocketAddress(text, 0)
  if (endpoint === undefined)
    throw invalid('endpoint: not an address', 'write it as 10.244.1.5, 10.244.1.5:8080 or [fd00::5]:8080')
  return endpoint
}

function readFamily(text: string | undefined): readonly IpFamily[] | undefined {
  if (text === undefined) return undefined
  const family = ipFamilies.find((one) => one === text)
  if (family === undefined) throw invalid('family: unknown', ipFamilies.join(' or '))
  return [family]
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return standardLimit
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (!(limit >= 1 && limit <= maxLimit)) throw invalid('limit: not a number of routes', `1 to ${maxLimit}`)
  return limit
}
