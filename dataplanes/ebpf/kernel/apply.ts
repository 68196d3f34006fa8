import type { Degraded, RouteKey, ServiceRoute } from '@portolan/core'
import type { BpfMap } from '@portolan/native/libbpf'
import { fullMap } from '../compile/left-out.ts'
import type { EbpfProgram } from '../compile/program.ts'
import { addressKey, rangeKey, writeAddressKey, writeRangeKey } from '../layout/encode.ts'
import { type MapName, tableMaps } from '../layout/maps.ts'
import { type Bytes, bytesOf } from '../layout/observed-state.ts'
import { frontendKind, rangeScope, structs } from '../layout/structures.ts'
import { ofNode } from './element-batch.ts'
import { removedEndpoints } from './removed-endpoints.ts'
import { type PlannedRoute, planRoute, RouteWriter } from './route-writer.ts'
import type { TableMap, TableMaps } from './table-maps.ts'

export interface AppliedElements {
  readonly bytes: number
  readonly degraded: readonly Degraded[]
  /** Keys of the map `members`: endpoints whose clients have to be led elsewhere. */
  readonly removed: readonly Bytes[]
}

/** What is told as the route of something that belongs to none. */
const thisNode = '(this node)'

/**
 * Writes a program's elements in an order in which a packet meets a frontend as it was or as it will be, and endpoints
 * that are those of before or those of after: endpoints go into slots that no packet reads, what stops balancing stops, one
 * 8-byte store switches each service to its new endpoints, then what balances begins, and only then goes what is no
 * longer needed. So a program that fails midway leaves each destination old or new. Between the last two stores a route
 * whose policy passes from one list of endpoints to the other finds none: microseconds, or until the next attempt.
 *
 * @param now milliseconds of a clock that doesn't jump
 * @returns what was done; what a map has no room for is left out and told by its route, and all else is written
 * @throws BpfError
 */
export function applyElements(program: EbpfProgram, maps: TableMaps, now: number): AppliedElements {
  maps.clearBatches()
  try {
    return writeElements(program, maps, now)
  } catch (error) {
    maps.numbers.doubt(program.family)
    throw error
  }
}

function writeElements(program: EbpfProgram, maps: TableMaps, now: number): AppliedElements {
  const { family, adopt, others = [], leaving = [] } = program
  if (adopt !== undefined) {
    maps.numbers.adopt(family, { adopted: adopt, others, leaving }, now)
    maps.leftOut[family].compared(program.table.routes)
  }
  const writing = new Writing(program, maps)
  const routes: PlannedRoute[] = []
  for (const wanted of program.routes) {
    const leftOut = maps.leftOut[family].has(wanted.key)
    const step = leftOut ? maps.leftOut[family].fromObserved(wanted) : wanted
    const planned = planRoute(step, maps.numbers, family, leftOut, now)
    if (leftOut) maps.leftOut[family].delete(step.key)
    if (typeof planned === 'object') {
      routes.push(planned)
      continue
    }
    // What the maps have beyond the table is deleted where everything was compared.
    const remaining = adopt === undefined ? step.before : step.after
    writing.leaveOut(step.key, planned === 'tooMany' ? tooMany : writing.isFull(planned), remaining)
  }
  const writer = new RouteWriter(maps, program.table.podSource, routes)
  writing.nodeElements()
  writer.endpoints()
  writing.flush(routes)
  writer.frontends((balances) => !balances)
  writing.flush(routes)
  writer.services()
  writing.flush(routes)
  writer.frontends((balances) => balances)
  writing.flush(routes)
  // Not before its frontends: a ClusterIP refuses, and an unallocated range drops, what none of them takes.
  writing.refusals()
  writing.flush(routes)
  writer.leftovers((map, key) => writing.deleteLater(map, key))
  writing.deleteNow()
  maps.numbers.left(now)
  for (const {
    step: { key },
    numbers,
  } of routes) {
    if (numbers === undefined) maps.numbers.forget(family, key, now)
    else maps.numbers.set(family, key, numbers, now)
  }
  if (writing.freed || routes.some(({ old }) => old !== undefined))
    for (const one of Object.values(maps.leftOut)) one.roomCame()
  return { bytes: writing.bytes, degraded: writing.degraded, removed: removedEndpoints(program, routes) }
}

const tooMany = 'it has more than 65535 endpoints and stays as it was; split the Service'

/** Elements that belong to no route, deletions, and what is told of all. */
class Writing {
  readonly degraded: Degraded[] = []
  bytes = 0
  freed = false
  readonly #told = new Set<string>()
  readonly #program: EbpfProgram
  readonly #maps: TableMaps
  readonly #leaving: { readonly map: BpfMap; readonly key: Buffer }[] = []
  /** Keys that were set, where keys to be deleted may be the same: a frontend passes from one route to another. */
  readonly #set: Set<Bytes> | undefined

  constructor(program: EbpfProgram, maps: TableMaps) {
    this.#program = program
    this.#maps = maps
    const several = program.routes.length > 1 && program.routes.some(({ before }) => before !== undefined)
    // A first load deletes nothing, and has a million keys.
    const strays = program.elements.some(({ value }) => value === undefined)
    this.#set = several || strays ? new Set() : undefined
  }

  nodeElements(): void {
    const { addresses, ranges, elements } = this.#program
    for (const { set, address, present } of addresses) {
      if (!present) this.deleteLater('frontends', addressKey(address, set))
      else if (set !== 'clusterIP') this.#add('frontends', addressKey(address, set))
    }
    for (const { cidr, present } of ranges)
      if (!present) this.deleteLater('ranges', rangeKey(rangeScope.unallocated, cidr))
    for (const { map, key, value } of elements) {
      if (map === 'devices' || map === 'namespaces' || map === 'node_settings') {
        const itself = this.#maps.object.map(map)
        if (value === undefined) itself.delete(key)
        else if (!itself.setIfRoom(key, value)) this.leaveOut(undefined, this.isFull(map))
      } else if (value === undefined) this.deleteLater(map, key)
      else if (!refusesTheRest(map, key)) this.#add(map, key, value)
    }
  }

  /** What refuses or drops all that no frontend takes: for a whole family, or what was found to be missing. */
  refusals(): void {
    for (const { map, key, value } of this.#program.elements)
      if (value !== undefined && (map === 'frontends' || map === 'ranges') && refusesTheRest(map, key))
        this.#add(map, key, value)
    this.#clusterIPs()
    this.#unallocated()
  }

  #unallocated(): void {
    const batch = this.#maps.batch('ranges')
    for (const { cidr, present } of this.#program.ranges) {
      if (!present) continue
      batch.add(ofNode)
      writeRangeKey(rangeScope.unallocated, cidr, batch.keys, batch.keyAt)
    }
  }

  #clusterIPs(): void {
    const batch = this.#maps.batch('frontends')
    batch.expect(this.#program.addresses.length)
    for (const { set, address, present } of this.#program.addresses) {
      if (!present || set !== 'clusterIP') continue
      batch.add(ofNode)
      writeAddressKey(address, set, batch.keys, batch.keyAt)
    }
  }

  #add(map: TableMap, key: Buffer, value?: Buffer): void {
    const batch = this.#maps.batch(map)
    batch.add(ofNode)
    batch.keys.set(key, batch.keyAt)
    if (value !== undefined) batch.values.set(value, batch.valueAt)
  }

  deleteLater(map: TableMap, key: Buffer): void {
    this.#leaving.push({ map: this.#maps.object.map(map), key })
  }

  flush(routes: readonly PlannedRoute[]): void {
    for (const name of tableMaps) {
      const batch = this.#maps.batch(name)
      // Of arrays nothing is deleted.
      if (this.#set !== undefined && name !== 'endpoints' && name !== 'services')
        for (const key of batch.allKeys()) this.#set.add(`${name} ${bytesOf(key)}`)
      this.bytes += batch.flush((owner) => {
        const step = routes[owner]?.step
        this.leaveOut(step?.key, this.isFull(name), step?.after)
      })
    }
  }

  deleteNow(): void {
    for (const { map, key } of this.#leaving) {
      if (this.#set?.has(`${map.name} ${bytesOf(key)}`) === true) continue
      if (map.delete(key)) this.freed = true
    }
  }

  isFull(name: MapName): string {
    return fullMap(name, this.#maps.object.map(name).maxEntries)
  }

  /** Told once for each route and map. @param remaining what the maps will have of it at most */
  leaveOut(key: RouteKey | undefined, reason: string, remaining?: ServiceRoute): void {
    const route = key ?? thisNode
    const wanted = key === undefined ? undefined : this.#program.table.routes.get(key)
    if (wanted !== undefined) this.#maps.leftOut[this.#program.family].add(wanted, remaining)
    const told = `${route} ${reason}`
    if (this.#told.has(told)) return
    this.#told.add(told)
    this.degraded.push({ route, reason })
  }
}

/** Whether the element is a ClusterIP, whose other ports are refused, or a range without Services, which is dropped. */
function refusesTheRest(map: MapName, key: Buffer): boolean {
  if (map === 'frontends') return key[structs.frontend_key.at.kind] === frontendKind.clusterIP
  return map === 'ranges' && key.readUInt32BE(structs.range_key.at.scope) === rangeScope.unallocated
}
