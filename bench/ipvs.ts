/**
 * What a node pays with the IPVS dataplane: `node bench/ipvs.ts [SERVICES]` (as root, default 10000), on a machine
 * without IPVS `npm run vm -- --timeout 1800 node bench/ipvs.ts`. A machine that QEMU translates is 15 to 20 times slower.
 *
 * Services of 10 endpoints: everything from empty, then one endpoint of one Service replaced at a time, a Service added
 * and deleted, a look whether anybody disturbed anything, and a restart that finds all as it was.
 */
import {
  type Address,
  emptyTable,
  type FrontendKey,
  frontendKey,
  fullDifference,
  type RouteChange,
  type RouteKey,
  type RoutingTable,
  type ServiceRoute,
  type TableChange,
} from '@portolan/core'
import ipvs from '@portolan/dataplane-ipvs'
import { createLab } from '@portolan/lab'

const services = Number(process.argv[2] ?? 10_000)
const endpointsOfService = 10
const changes = Math.min(services, 500)
const looks = 20

/** A map with one other value, without copying it. */
class Overlaid extends Map<RouteKey, ServiceRoute> {
  readonly #below: ReadonlyMap<RouteKey, ServiceRoute>

  constructor(below: ReadonlyMap<RouteKey, ServiceRoute>, key: RouteKey, value: ServiceRoute) {
    super([[key, value]])
    this.#below = below
  }

  override get(key: RouteKey): ServiceRoute | undefined {
    return super.get(key) ?? this.#below.get(key)
  }
}

await using lab = await createLab({ pods: 1 })
const { networkNamespace } = lab.node
const options = { masqueradeBit: 14, networkNamespace, settings: {} }

const dataplane = ipvs(options)
const empty = tableOf([])
await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), empty))

const full = tableOf(Array.from({ length: services }, (_, number) => routeOf(number, 0)))
const load = fullDifference(empty, full)
const fromEmpty = await timed(() => dataplane.apply(dataplane.compile(load)))
tell(
  `${services} Services of ${endpointsOfService} endpoints from empty`,
  `${(fromEmpty / 1000).toFixed(1)} s`,
)

const replaced: number[] = []
for (let version = 1; version <= changes; version++) {
  const number = (version * 7919) % services
  const change = changeOf(full, [{ before: routeOf(number, 0), after: routeOf(number, version) }])
  replaced.push(await timed(() => dataplane.apply(dataplane.compile(change))))
  await dataplane.apply(
    dataplane.compile(changeOf(full, [{ before: routeOf(number, version), after: routeOf(number, 0) }])),
  )
}
tell('one endpoint replaced', spread(replaced))

const added: number[] = []
const deleted: number[] = []
for (let round = 0; round < changes / 5; round++) {
  const after = routeOf(services + round, 0)
  const more = tableOf([...full.routes.values(), after])
  added.push(await timed(() => dataplane.apply(dataplane.compile(changeOf(more, [{ after }])))))
  deleted.push(await timed(() => dataplane.apply(dataplane.compile(changeOf(full, [{ before: after }])))))
}
tell('a Service added', spread(added))
tell('a Service deleted', spread(deleted))

const observed: number[] = []
for (let look = 0; look < looks; look++) observed.push(await timed(() => dataplane.isUnchanged('IPv4')))
tell('a look whether anything was disturbed', spread(observed))
await dataplane.stop()

const next = ipvs(options)
let operations = -1
const restart = await timed(async () => {
  await next.start()
  operations = next.measure(next.reconcile(await next.observe('IPv4'), full)).operations
})
tell(`a restart that finds all as it was (${operations} operations)`, `${(restart / 1000).toFixed(1)} s`)
await next.stop()
const cleanup = await timed(() => ipvs(options).cleanup())
tell('cleanup', `${(cleanup / 1000).toFixed(1)} s`)

function tableOf(routes: readonly ServiceRoute[]): RoutingTable {
  const frontends = new Map<FrontendKey, RouteKey>()
  const clusterIPs = new Set<Address>()
  for (const { key, protocol, frontends: list } of routes)
    for (const { address, port } of list) {
      frontends.set(frontendKey(address, protocol, port), key)
      if (address !== undefined) clusterIPs.add(address)
    }
  return {
    ...emptyTable('IPv4', { by: 'none' }),
    routes: new Map(routes.map((route) => [route.key, route])),
    frontends,
    clusterIPs,
  }
}

/** The fourth endpoint has another address in each version. */
function routeOf(number: number, version: number): ServiceRoute {
  const balance = { do: 'balance', over: 'cluster', masquerade: true } as const
  const name = `bench/service-${number}`
  const cluster = Array.from({ length: endpointsOfService }, (_, slot) => {
    const pod = number * endpointsOfService + slot
    const address =
      slot === 3 && version > 0
        ? `11.0.${(version >> 8) & 255}.${version & 255}`
        : `10.${128 + ((pod >> 16) & 63)}.${(pod >> 8) & 255}.${pod & 255}`
    return { address: address as Address, port: 8080, local: false }
  })
  return {
    key: `${name}/TCP` as RouteKey,
    name,
    protocol: 'TCP',
    family: 'IPv4',
    endpoints: { cluster, local: [] },
    frontends: [
      {
        kind: 'ClusterIP',
        address: `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}` as Address,
        port: 80,
        verdicts: { pod: balance, node: balance, outside: balance },
      },
    ],
  }
}

function changeOf(
  table: RoutingTable,
  routes: readonly { readonly before?: ServiceRoute; readonly after?: ServiceRoute }[],
): TableChange {
  const key = (routes[0]?.after ?? routes[0]?.before)?.key ?? ('' as RouteKey)
  const nothing = { added: [], removed: [] }
  return {
    family: 'IPv4',
    // What is served where doesn't change with an endpoint; the route itself does.
    table: {
      ...table,
      routes:
        routes[0]?.after === undefined ? table.routes : new Overlaid(table.routes, key, routes[0].after),
    },
    routes: routes.map((change): RouteChange => ({ key, ...change })),
    clusterIPs: nothing,
    serviceCidrs: nothing,
    nodePortAddresses: nothing,
    hairpinAddresses: nothing,
    healthCheckNodePorts: nothing,
    localAddresses: nothing,
    triggerTimes: [],
  }
}

/** Milliseconds. */
async function timed(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

function spread(milliseconds: readonly number[]): string {
  const sorted = [...milliseconds].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${sorted.length} times)`
}

function tell(what: string, value: string): void {
  process.stdout.write(`${what}: ${value}\n`)
}
