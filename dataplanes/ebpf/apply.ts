import type { ApplyReport, PodSource, ServiceRoute } from '@portolan/core'
import type { BpfMap, BpfObject } from '@portolan/native/libbpf'
import {
  addressKey,
  allowedSourcesOf,
  frontendFlags,
  frontendKeyOf,
  frontendValue,
  hasMembers,
  memberKey,
  rangeKey,
  serviceValue,
  verdictBytes,
  writeEndpoint,
} from './encode.ts'
import { type Bytes, bytesOf } from './held.ts'
import { rangeScope, structs, tableMaps } from './layout.ts'
import { MapWriter } from './map-writer.ts'
import type { Numbers, RouteNumbers } from './numbers.ts'
import type { EbpfProgram, RouteStep } from './program.ts'

const present = Buffer.alloc(1)
const noService = Buffer.alloc(structs.frontend.size)

interface PlannedRoute extends RouteStep {
  readonly numbers?: RouteNumbers
  /** What it had before this program, if it had. */
  readonly old?: RouteNumbers
}

/**
 * Writes a program's elements in an order in which every packet meets either the old state of a route or the new one:
 * endpoints go into slots that nobody reads, what stops balancing stops, one 8-byte store switches each service to its
 * new endpoints, then what balances begins, and only then goes what is no longer needed.
 *
 * @returns what was done; routes that don't fit into a map are left as they were and told about
 * @throws BpfError
 */
export function applyElements(
  program: EbpfProgram,
  object: BpfObject,
  numbers: Numbers,
  now: number,
): Omit<ApplyReport, 'operations'> {
  const degraded = [...program.degraded]
  const routes = program.routes.flatMap((step): PlannedRoute[] => {
    const planned = plan(step, numbers, now)
    if (typeof planned !== 'string') return [planned]
    degraded.push({ route: step.key, reason: planned })
    return []
  })
  const writing = new Writing(object, program, routes)
  for (const { set, address, present } of program.addresses) {
    const key = addressKey(address, set)
    if (!present) writing.deleteLater('frontends', key)
    else if (set !== 'clusterIP') writing.set('frontends', key, noService)
  }
  for (const { cidr, present: wanted } of program.ranges) {
    const key = rangeKey(rangeScope.unallocated, cidr)
    if (wanted) writing.set('ranges', key, present)
    else writing.deleteLater('ranges', key)
  }
  for (const { map, key, value } of program.elements) {
    if (map === 'devices' || map === 'namespaces' || map === 'node_settings') {
      if (value !== undefined) object.map(map).set(key, value)
      else object.map(map).delete(key)
    } else if (value !== undefined) writing.set(map, key, value)
    else writing.deleteLater(map, key)
  }
  for (const route of routes) writing.endpoints(route)
  let bytes = writing.flush()
  for (const route of routes) writing.frontends(route, (balances) => !balances)
  bytes += writing.flush()
  for (const route of routes) writing.service(route)
  bytes += writing.flush()
  for (const route of routes) writing.frontends(route, (balances) => balances)
  bytes += writing.flush()
  // Not before its frontends: a ClusterIP refuses what none of them takes.
  for (const { set, address, present } of program.addresses) {
    if (present && set === 'clusterIP') writing.set('frontends', addressKey(address, set), noService)
  }
  bytes += writing.flush()
  for (const route of routes) writing.leftovers(route)
  writing.deleteNow()
  for (const { key, numbers: given, old } of routes) {
    if (given === undefined) numbers.forget(key, now)
    else {
      if (old !== undefined && old.base !== given.base) numbers.slots.give(old, now)
      numbers.set(key, given)
    }
  }
  return { bytes, degraded }
}

/** Gives a route its numbers; a sentence where there are none left. */
function plan(step: RouteStep, numbers: Numbers, now: number): PlannedRoute | string {
  const { key, before, after } = step
  const old = numbers.get(key)
  if (after === undefined) return old === undefined ? step : { ...step, old }
  const { cluster, local } = after.endpoints
  const count = cluster.length + local.length
  if (cluster.length > 0xffff || local.length > 0xffff) return 'it has more than 65535 endpoints'
  if (old !== undefined && before !== undefined && before.endpoints === after.endpoints)
    return { ...step, old, numbers: old }
  const service = old?.service ?? numbers.takeService()
  if (service === undefined) return "the map 'services' is full; raise the setting services-size"
  const base = numbers.slots.take(count, now)
  if (base === undefined) {
    if (old === undefined) numbers.giveService(service)
    return "the map 'endpoints' is full; raise the setting endpoints-size"
  }
  return { ...step, ...(old === undefined ? {} : { old }), numbers: { service, base, count } }
}

type WrittenMap = (typeof tableMaps)[number]

/** Elements on their way into the maps, and keys to be deleted in the end. */
class Writing {
  readonly #podSource: PodSource
  readonly #object: BpfObject
  readonly #writers: ReadonlyMap<WrittenMap, MapWriter>
  readonly #leaving: { readonly map: BpfMap; readonly name: WrittenMap; readonly key: Buffer }[] = []
  /** Keys that were set, where keys to be deleted may be the same: a frontend passes from one route to another. */
  readonly #set: Set<Bytes> | undefined

  constructor(object: BpfObject, program: EbpfProgram, routes: readonly PlannedRoute[]) {
    this.#object = object
    this.#podSource = program.table.podSource
    this.#writers = new Map(tableMaps.map((name) => [name, new MapWriter(object.map(name), routes.length)]))
    const several = routes.length > 1 && routes.some(({ before }) => before !== undefined)
    this.#set = several || program.elements.length > 0 ? new Set() : undefined
  }

  set(map: WrittenMap, key: Buffer, value: Buffer): void {
    this.#set?.add(`${map} ${bytesOf(key)}`)
    this.#writers.get(map)?.set(key, value)
  }

  deleteLater(name: WrittenMap, key: Buffer): void {
    this.#leaving.push({ map: this.#object.map(name), name, key })
  }

  flush(): number {
    let bytes = 0
    for (const writer of this.#writers.values()) bytes += writer.flush()
    return bytes
  }

  deleteNow(): void {
    for (const { map, name, key } of this.#leaving) {
      if (this.#set?.has(`${name} ${bytesOf(key)}`) !== true) map.delete(key)
    }
  }

  /** What no packet sees before the service or its frontends lead there. */
  endpoints({ after, numbers, old }: PlannedRoute): void {
    if (after === undefined || numbers === undefined) return
    const { cluster, local } = after.endpoints
    if (old?.base !== numbers.base || numbers.count === 0) {
      const key = Buffer.alloc(4)
      const value = Buffer.alloc(structs.endpoint.size)
      let slot = numbers.base
      for (const list of [cluster, local]) {
        for (const endpoint of list) {
          key.writeUInt32LE(slot++, 0)
          value.fill(0)
          writeEndpoint(endpoint, value, 0)
          this.set('endpoints', key, value)
        }
      }
    }
    for (const key of memberKeys(after, numbers.service)) this.set('members', key, present)
    for (const cidr of allowedSourcesOf(after)) this.set('ranges', rangeKey(numbers.service, cidr), present)
  }

  service({ after, numbers }: PlannedRoute): void {
    if (after === undefined || numbers === undefined) return
    const { cluster, local } = after.endpoints
    const key = Buffer.alloc(4)
    key.writeUInt32LE(numbers.service, 0)
    const value = serviceValue(numbers.base, cluster.length, local.length, after.affinitySeconds)
    this.set('services', key, value)
  }

  frontends({ after, numbers }: PlannedRoute, which: (balances: boolean) => boolean): void {
    if (after === undefined || numbers === undefined) return
    for (const frontend of after.frontends) {
      const { pod, node, outside } = frontend.verdicts
      if (!which([pod, node, outside].some((verdict) => verdict.do === 'balance'))) continue
      const verdicts = verdictBytes(after, frontend, this.#podSource)
      const value = frontendValue(numbers.service, verdicts, frontendFlags(frontend))
      this.set('frontends', frontendKeyOf(after.family, after.protocol, frontend), value)
    }
  }

  /** What the route had and has no longer. */
  leftovers({ before, after, old }: PlannedRoute): void {
    if (before === undefined || old === undefined) return
    const drop = (map: WrittenMap, keys: (route: ServiceRoute) => readonly Buffer[]) => {
      const staying = new Set(after === undefined ? [] : keys(after).map(bytesOf))
      for (const key of keys(before)) if (!staying.has(bytesOf(key))) this.deleteLater(map, key)
    }
    if (before.frontends !== after?.frontends) {
      drop('frontends', (route) =>
        route.frontends.map((frontend) => frontendKeyOf(route.family, route.protocol, frontend)),
      )
      drop('ranges', (route) => allowedSourcesOf(route).map((cidr) => rangeKey(old.service, cidr)))
    }
    drop('members', (route) => memberKeys(route, old.service))
  }
}

function memberKeys(route: ServiceRoute, service: number): Buffer[] {
  if (!hasMembers(route)) return []
  return (['cluster', 'local'] as const).flatMap((over) =>
    route.endpoints[over].map((endpoint) => memberKey(service, over, endpoint)),
  )
}
