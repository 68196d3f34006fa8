import type { RouteKey, RoutingTable, ServiceRoute } from '@portolan/core'
import {
  addressKey,
  allowedSourcesOf,
  frontendKeyOf,
  memberKeys,
  rangeKey,
  writeFrontend,
} from '../layout/encode.ts'
import {
  type Bytes,
  bufferOf,
  bytesOf,
  type HeldOfNode,
  type HeldService,
  numbersOf,
  type ObservedState,
} from '../layout/held.ts'
import {
  deviceElements,
  namespaceElements,
  settingsKey,
  settingsValue,
  tableRanges,
} from '../layout/node-elements.ts'
import type { RouteNumbers } from '../layout/numbers.ts'
import { sameEndpoints } from '../layout/same-endpoints.ts'
import { structs } from '../layout/structures.ts'
import { degradedBy } from './compile.ts'
import { LeftOut } from './left-out.ts'
import { print } from './print.ts'
import {
  countOperations,
  type EbpfProgram,
  type ElementStep,
  type RouteStep,
  unsupported,
} from './program.ts'

/**
 * The program from what the maps hold to the whole table: nothing for a route that is there and right, nor for one that
 * is known not to fit.
 */
export function reconcile(
  held: ObservedState,
  table: RoutingTable,
  leftOut: LeftOut = new LeftOut(),
): EbpfProgram {
  const adopt = new Map<RouteKey, RouteNumbers>()
  const routes: RouteStep[] = []
  /** How many of the held elements belong to something wanted; what else is held goes. */
  const wanted = { frontends: 0, ranges: 0, members: 0 }
  const taken = new Set<number>()
  const degraded: EbpfProgram['degraded'][number][] = []
  for (const [key, route] of table.routes) {
    if (unsupported(route) !== undefined) {
      degraded.push(...degradedBy(route))
      continue
    }
    const frontends = route.frontends.map((frontend) => bytesOf(frontendKeyOf(route, frontend)))
    const numbers = findNumbers(held, frontends, taken)
    if (numbers !== undefined) {
      taken.add(numbers.service)
      adopt.set(key, numbers)
    }
    const service = numbers?.service ?? 0
    const ranges = rangeKeys(route, service)
    const members = memberKeys(route, service).map(bytesOf)
    const [heldFrontends, heldRanges, heldMembers] = [
      frontends.filter((one) => held.frontends.has(one)).length,
      ranges.filter((one) => held.ranges.has(one)).length,
      members.filter((one) => held.members.has(one)).length,
    ]
    wanted.frontends += heldFrontends
    wanted.ranges += heldRanges
    wanted.members += heldMembers
    const right =
      numbers !== undefined &&
      heldRanges === ranges.length &&
      heldMembers === members.length &&
      sameFrontends(held, route, table, service, frontends) &&
      sameService(held, held.services.get(service), route)
    if (!right && !leftOut.isHopeless(route)) routes.push({ key, after: route })
  }
  const sets = addressElements(table)
  const cidrs = tableRanges(table)
  wanted.frontends += [...sets].filter((key) => held.frontends.has(key)).length
  wanted.ranges += [...cidrs].filter((key) => held.ranges.has(key)).length
  const nothingStrays =
    wanted.frontends === held.frontends.size &&
    wanted.ranges === held.ranges.size &&
    wanted.members === held.members.size
  const steps = {
    routes,
    addresses: [],
    ranges: [],
    elements: [
      ...missing('frontends', held.frontends, sets, Buffer.alloc(structs.frontend.size)),
      ...missing('ranges', held.ranges, cidrs, Buffer.alloc(1)),
      ...(nothingStrays ? [] : strayElements(held, table, adopt, sets, cidrs)),
      ...nodeSteps(held, table),
    ],
    attach: held.detached,
  }
  const program = {
    family: table.family,
    table,
    ...steps,
    operations: countOperations(steps),
    degraded,
    adopt,
    others: held.others,
    leaving: [...held.services]
      .filter(([service]) => !taken.has(service))
      .map(([service, one]) => numbersOf(service, one)),
  }
  return {
    ...program,
    // Printing all of a large table takes long, and only an audit asks for it.
    get findings() {
      return print({ ...program, findings: [] })
        .split('\n')
        .filter((line) => line !== '')
    },
  }
}

/** By the number that any of its frontends leads to, unless another route had it first. */
function findNumbers(
  held: ObservedState,
  frontends: readonly Bytes[],
  taken: ReadonlySet<number>,
): RouteNumbers | undefined {
  for (const frontend of frontends) {
    const value = held.frontends.get(frontend)
    if (value === undefined) continue
    const service = numberIn(value, structs.frontend.at.service)
    const there = held.services.get(service)
    if (there === undefined || taken.has(service)) continue
    return numbersOf(service, there)
  }
  return undefined
}

/** 32 bits, the lowest byte first. */
function numberIn(bytes: Bytes, at: number): number {
  return (
    (bytes.charCodeAt(at) |
      (bytes.charCodeAt(at + 1) << 8) |
      (bytes.charCodeAt(at + 2) << 16) |
      (bytes.charCodeAt(at + 3) << 24)) >>>
    0
  )
}

function rangeKeys(route: ServiceRoute, service: number): Bytes[] {
  return allowedSourcesOf(route).map((cidr) => bytesOf(rangeKey(service, cidr)))
}

function sameFrontends(
  held: ObservedState,
  route: ServiceRoute,
  { podSource }: RoutingTable,
  service: number,
  keys: readonly Bytes[],
): boolean {
  return route.frontends.every((frontend, index) => {
    const value = Buffer.alloc(structs.frontend.size)
    writeFrontend(service, route, frontend, podSource, value, 0)
    return held.frontends.get(keys[index] ?? '') === bytesOf(value)
  })
}

function sameService(held: ObservedState, service: HeldService | undefined, route: ServiceRoute): boolean {
  if (service === undefined) return false
  const { cluster, local } = route.endpoints
  if (service.cluster !== cluster.length || service.local !== local.length) return false
  if (service.affinitySeconds !== (route.affinitySeconds ?? 0)) return false
  return (
    sameEndpoints(held.slots, service.base, cluster) &&
    sameEndpoints(held.slots, service.base + cluster.length, local)
  )
}

/** Held elements that nothing in the table has. */
function strayElements(
  held: ObservedState,
  table: RoutingTable,
  adopt: ReadonlyMap<RouteKey, RouteNumbers>,
  sets: ReadonlySet<Bytes>,
  cidrs: ReadonlySet<Bytes>,
): ElementStep[] {
  const wanted = { frontends: new Set(sets), ranges: new Set(cidrs), members: new Set<Bytes>() }
  for (const [key, route] of table.routes) {
    if (unsupported(route) !== undefined) continue
    const service = adopt.get(key)?.service ?? 0
    for (const frontend of route.frontends) wanted.frontends.add(bytesOf(frontendKeyOf(route, frontend)))
    for (const range of rangeKeys(route, service)) wanted.ranges.add(range)
    for (const member of memberKeys(route, service)) wanted.members.add(bytesOf(member))
  }
  return [
    ...strays('frontends', held.frontends.keys(), wanted.frontends),
    ...strays('ranges', held.ranges, wanted.ranges),
    ...strays('members', held.members, wanted.members),
  ]
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

/** What the node's own elements lack. */
export function nodeSteps(held: HeldOfNode, table: RoutingTable): ElementStep[] {
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
