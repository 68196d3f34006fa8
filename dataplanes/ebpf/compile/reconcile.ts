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
  deviceElements,
  namespaceElements,
  settingsKey,
  settingsValue,
  tableRanges,
} from '../layout/node-elements.ts'
import type { RouteNumbers } from '../layout/numbers.ts'
import {
  type Bytes,
  bufferOf,
  bytesOf,
  numbersOf,
  type ObservedOfNode,
  type ObservedService,
  type ObservedState,
} from '../layout/observed-state.ts'
import { sameEndpoints } from '../layout/same-endpoints.ts'
import { structs } from '../layout/structures.ts'
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
  observedState: ObservedState,
  table: RoutingTable,
  leftOut: LeftOut = new LeftOut(),
): EbpfProgram {
  const adopt = new Map<RouteKey, RouteNumbers>()
  const routes: RouteStep[] = []
  /** How many of the observed elements belong to something wanted; any other goes. */
  const wanted = { frontends: 0, ranges: 0, members: 0 }
  const taken = new Set<number>()
  const degraded: EbpfProgram['degraded'][number][] = []
  const isEmpty = observedState.frontends.size + observedState.ranges.size + observedState.members.size === 0
  for (const [key, route] of table.routes) {
    const reason = unsupported(route)
    if (reason !== undefined) {
      degraded.push({ route: key, reason })
      continue
    }
    if (isEmpty) {
      // A start on an empty node has nothing to compare a cluster's keys with.
      if (!leftOut.isHopeless(route)) routes.push({ key, after: route })
      continue
    }
    const frontends = route.frontends.map((frontend) => bytesOf(frontendKeyOf(route, frontend)))
    const numbers = findNumbers(observedState, frontends, taken)
    if (numbers !== undefined) {
      taken.add(numbers.service)
      adopt.set(key, numbers)
    }
    const service = numbers?.service ?? 0
    const ranges = rangeKeys(route, service)
    const members = memberKeys(route, service).map(bytesOf)
    const [observedFrontends, observedRanges, observedMembers] = [
      frontends.filter((one) => observedState.frontends.has(one)).length,
      ranges.filter((one) => observedState.ranges.has(one)).length,
      members.filter((one) => observedState.members.has(one)).length,
    ]
    wanted.frontends += observedFrontends
    wanted.ranges += observedRanges
    wanted.members += observedMembers
    const right =
      numbers !== undefined &&
      observedRanges === ranges.length &&
      observedMembers === members.length &&
      sameFrontends(observedState, route, table, service, frontends) &&
      sameService(observedState, observedState.services.get(service), route)
    if (!right && !leftOut.isHopeless(route)) routes.push({ key, after: route })
  }
  const sets = addressElements(table)
  const cidrs = tableRanges(table)
  wanted.frontends += [...sets].filter((key) => observedState.frontends.has(key)).length
  wanted.ranges += [...cidrs].filter((key) => observedState.ranges.has(key)).length
  const nothingStrays =
    wanted.frontends === observedState.frontends.size &&
    wanted.ranges === observedState.ranges.size &&
    wanted.members === observedState.members.size
  const steps = {
    routes,
    addresses: [],
    ranges: [],
    elements: [
      ...missing('frontends', observedState.frontends, sets, Buffer.alloc(structs.frontend.size)),
      ...missing('ranges', observedState.ranges, cidrs, Buffer.alloc(1)),
      ...(nothingStrays ? [] : strayElements(observedState, table, adopt, sets, cidrs)),
      ...nodeSteps(observedState, table),
    ],
    attach: observedState.detached,
  }
  const program = {
    family: table.family,
    table,
    ...steps,
    operations: countOperations(steps),
    degraded,
    adopt,
    others: observedState.others,
    leaving: [...observedState.services]
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
  observedState: ObservedState,
  frontends: readonly Bytes[],
  taken: ReadonlySet<number>,
): RouteNumbers | undefined {
  for (const frontend of frontends) {
    const value = observedState.frontends.get(frontend)
    if (value === undefined) continue
    const service = numberIn(value, structs.frontend.at.service)
    const there = observedState.services.get(service)
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
  observedState: ObservedState,
  route: ServiceRoute,
  { podSource }: RoutingTable,
  service: number,
  keys: readonly Bytes[],
): boolean {
  return route.frontends.every((frontend, index) => {
    const value = Buffer.alloc(structs.frontend.size)
    writeFrontend(service, route, frontend, podSource, value, 0)
    return observedState.frontends.get(keys[index] ?? '') === bytesOf(value)
  })
}

function sameService(
  observedState: ObservedState,
  service: ObservedService | undefined,
  route: ServiceRoute,
): boolean {
  if (service === undefined) return false
  const { cluster, local } = route.endpoints
  if (service.cluster !== cluster.length || service.local !== local.length) return false
  if (service.affinitySeconds !== (route.affinitySeconds ?? 0)) return false
  return (
    sameEndpoints(observedState.slots, service.base, cluster) &&
    sameEndpoints(observedState.slots, service.base + cluster.length, local)
  )
}

/** Observed elements that nothing in the table has. */
function strayElements(
  observedState: ObservedState,
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
    ...strays('frontends', observedState.frontends.keys(), wanted.frontends),
    ...strays('ranges', observedState.ranges, wanted.ranges),
    ...strays('members', observedState.members, wanted.members),
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
export function nodeSteps(observedState: ObservedOfNode, table: RoutingTable): ElementStep[] {
  const settings = settingsValue(table, observedState.node)
  const devices = deviceElements(table, observedState.node)
  const namespaces = namespaceElements(observedState.node)
  const changed = [...devices].filter(([key, value]) => observedState.devices.get(key) !== value)
  return [
    ...(observedState.settings === settings
      ? []
      : [{ map: 'node_settings' as const, key: settingsKey(table.family), value: bufferOf(settings) }]),
    ...changed.map(([key, value]) => ({
      map: 'devices' as const,
      key: bufferOf(key),
      value: bufferOf(value),
    })),
    ...strays('devices', observedState.devices.keys(), new Set(devices.keys())),
    ...missing('namespaces', observedState.namespaces, namespaces, Buffer.alloc(1)),
    ...strays('namespaces', observedState.namespaces, namespaces),
  ]
}

function missing(
  map: ElementStep['map'],
  observed: { has(key: Bytes): boolean },
  wanted: ReadonlySet<Bytes>,
  value: Buffer,
): ElementStep[] {
  return [...wanted].filter((key) => !observed.has(key)).map((key) => ({ map, key: bufferOf(key), value }))
}

function strays(
  map: ElementStep['map'],
  observed: Iterable<Bytes>,
  wanted: ReadonlySet<Bytes>,
): ElementStep[] {
  return [...observed].filter((key) => !wanted.has(key)).map((key) => ({ map, key: bufferOf(key) }))
}
