import type { RouteKey, RoutingTable, ServiceRoute } from '@portolan/core'
import { degradedBy } from './compile.ts'
import {
  addressKey,
  allowedSourcesOf,
  frontendFlags,
  frontendKeyOf,
  frontendValue,
  hasMembers,
  memberKey,
  rangeKey,
  verdictBytes,
  writeEndpoint,
} from './encode.ts'
import { type Bytes, bufferOf, bytesOf, type Held, type HeldService } from './held.ts'
import { structs } from './layout.ts'
import {
  deviceElements,
  namespaceElements,
  settingsKey,
  settingsValue,
  tableRanges,
} from './node-elements.ts'
import type { RouteNumbers } from './numbers.ts'
import { type EbpfProgram, type ElementStep, type RouteStep, unsupported } from './program.ts'

/** The program from what the maps hold to the whole table: nothing for a route that is there and right. */
export function reconcile(held: Held, table: RoutingTable): EbpfProgram {
  const adopt = new Map<RouteKey, RouteNumbers>()
  const routes: RouteStep[] = []
  /** Keys that belong to something wanted; what else is held goes. */
  const wanted = { frontends: new Set<Bytes>(), ranges: tableRanges(table), members: new Set<Bytes>() }
  const taken = new Set<number>()
  const degraded: EbpfProgram['degraded'][number][] = []
  for (const [key, route] of table.routes) {
    if (unsupported(route) !== undefined) {
      degraded.push(...degradedBy(route))
      continue
    }
    const numbers = findNumbers(held, route, taken)
    if (numbers !== undefined) {
      taken.add(numbers.service)
      adopt.set(key, numbers)
    }
    const elements = routeElements(route, table, numbers?.service ?? 0)
    for (const one of elements.frontends.keys()) wanted.frontends.add(one)
    for (const one of elements.ranges) wanted.ranges.add(one)
    for (const one of elements.members) wanted.members.add(one)
    const right =
      numbers !== undefined &&
      sameEndpoints(held.services.get(numbers.service), route) &&
      [...elements.frontends].every(([one, value]) => held.frontends.get(one) === value) &&
      [...elements.ranges].every((one) => held.ranges.has(one)) &&
      [...elements.members].every((one) => held.members.has(one))
    if (!right) routes.push({ key, after: route })
  }
  const sets = addressElements(table)
  for (const key of sets) wanted.frontends.add(key)
  return {
    family: table.family,
    table,
    routes,
    addresses: [],
    ranges: [],
    elements: [
      ...missing('frontends', held.frontends, sets, Buffer.alloc(structs.frontend.size)),
      ...missing('ranges', held.ranges, tableRanges(table), Buffer.alloc(1)),
      ...strays('frontends', held.frontends.keys(), wanted.frontends),
      ...strays('ranges', held.ranges, wanted.ranges),
      ...strays('members', held.members, wanted.members),
      ...nodeSteps(held, table),
    ],
    attach: held.detached,
    degraded,
    adopt,
  }
}

/** By the number that any of its frontends leads to, unless another route had it first. */
function findNumbers(held: Held, route: ServiceRoute, taken: ReadonlySet<number>): RouteNumbers | undefined {
  for (const frontend of route.frontends) {
    const value = held.frontends.get(bytesOf(frontendKeyOf(route.family, route.protocol, frontend)))
    if (value === undefined) continue
    const service = bufferOf(value).readUInt32LE(structs.frontend.at.service)
    const there = held.services.get(service)
    if (there === undefined || taken.has(service)) continue
    return { service, base: there.base, count: there.cluster + there.local }
  }
  return undefined
}

interface RouteElements {
  readonly frontends: ReadonlyMap<Bytes, Bytes>
  readonly ranges: ReadonlySet<Bytes>
  readonly members: ReadonlySet<Bytes>
}

function routeElements(route: ServiceRoute, { podSource }: RoutingTable, service: number): RouteElements {
  const frontends = route.frontends.map((frontend): [Bytes, Bytes] => [
    bytesOf(frontendKeyOf(route.family, route.protocol, frontend)),
    bytesOf(frontendValue(service, verdictBytes(route, frontend, podSource), frontendFlags(frontend))),
  ])
  const members = (['cluster', 'local'] as const).flatMap((over) =>
    hasMembers(route)
      ? route.endpoints[over].map((endpoint) => bytesOf(memberKey(service, over, endpoint)))
      : [],
  )
  return {
    frontends: new Map(frontends),
    ranges: new Set(allowedSourcesOf(route).map((cidr) => bytesOf(rangeKey(service, cidr)))),
    members: new Set(members),
  }
}

/** Their order means nothing: a process that starts anew may have another. */
function sameEndpoints(held: HeldService | undefined, route: ServiceRoute): boolean {
  if (held === undefined) return false
  const { cluster, local } = route.endpoints
  if (held.cluster !== cluster.length || held.local !== local.length) return false
  if (held.affinitySeconds !== (route.affinitySeconds ?? 0)) return false
  const bytes = (endpoints: typeof cluster) =>
    endpoints.map((endpoint) => {
      const buffer = Buffer.alloc(structs.endpoint.size)
      writeEndpoint(endpoint, buffer, 0)
      return bytesOf(buffer)
    })
  const same = (one: readonly Bytes[], other: readonly Bytes[]) => {
    const sorted = other.toSorted()
    return one.toSorted().every((value, index) => value === sorted[index])
  }
  return (
    same(bytes(cluster), held.endpoints.slice(0, cluster.length)) &&
    same(bytes(local), held.endpoints.slice(cluster.length))
  )
}

function addressElements(table: RoutingTable): Set<Bytes> {
  return new Set(
    [
      ...[...table.clusterIPs].map((address) => addressKey(address, 'clusterIP')),
      ...[...table.nodePortAddresses].map((address) => addressKey(address, 'nodePortAddress')),
      ...[...table.localAddresses].map((address) => addressKey(address, 'localAddress')),
    ].map(bytesOf),
  )
}

function nodeSteps(held: Held, table: RoutingTable): ElementStep[] {
  const settings = settingsValue(table, held.node)
  const devices = deviceElements(table, held.node)
  const namespaces = namespaceElements(held.node)
  const changed = [...devices].filter(([key, value]) => held.devices.get(key) !== value)
  return [
    ...(held.settings === settings
      ? []
      : [{ map: 'node_settings' as const, key: settingsKey(table.family), value: bufferOf(settings) }]),
    ...changed.map(([key, value]) => ({
      map: 'devices' as const,
      key: bufferOf(key),
      value: bufferOf(value),
    })),
    ...strays('devices', held.devices.keys(), new Set(devices.keys())),
    ...missing('namespaces', held.namespaces, namespaces, Buffer.alloc(1)),
    ...strays('namespaces', held.namespaces, namespaces),
  ]
}

function missing(
  map: ElementStep['map'],
  held: { has(key: Bytes): boolean },
  wanted: ReadonlySet<Bytes>,
  value: Buffer,
): ElementStep[] {
  return [...wanted].filter((key) => !held.has(key)).map((key) => ({ map, key: bufferOf(key), value }))
}

function strays(map: ElementStep['map'], held: Iterable<Bytes>, wanted: ReadonlySet<Bytes>): ElementStep[] {
  return [...held].filter((key) => !wanted.has(key)).map((key) => ({ map, key: bufferOf(key) }))
}
