import type { RoutingTable, ServiceRoute } from '@portolan/core'
import { unsupported } from '../compile/program.ts'
import {
  addressKey,
  allowedSourcesOf,
  frontendKeyOf,
  memberKeys,
  rangeKey,
  writeFrontend,
  writeService,
} from '../layout/encode.ts'
import { tableRanges } from '../layout/node-elements.ts'
import type { RouteNumbers } from '../layout/numbers.ts'
import { bufferOf } from '../layout/observed-state.ts'
import { sameEndpoints } from '../layout/same-endpoints.ts'
import { structs } from '../layout/structures.ts'
import type { TableMaps } from './table-maps.ts'

/** Elements read in one look: some milliseconds of system calls. */
const budget = 1024

/**
 * Compares some of a family's routes with the maps at each look, in turn. That a map was emptied or overwritten is noticed
 * at once; a single element, when its turn comes; what was added, by the comparison of everything only.
 */
export class SpotCheck {
  readonly #maps: TableMaps
  readonly #table: RoutingTable
  #routes: Iterator<ServiceRoute>
  #read = 0

  /** @param table as it changes in place */
  constructor(maps: TableMaps, table: RoutingTable) {
    this.#maps = maps
    this.#table = table
    this.#routes = table.routes.values()
  }

  isFor(table: RoutingTable): boolean {
    return table === this.#table
  }

  /** Whether all that is looked at this time is as the table says. */
  isRight(): boolean {
    this.#read = 0
    const { nodePortAddresses, localAddresses, routes } = this.#table
    for (const key of tableRanges(this.#table)) if (!this.#has('ranges', bufferOf(key))) return false
    for (const address of nodePortAddresses)
      if (!this.#has('frontends', addressKey(address, 'nodePortAddress'))) return false
    for (const address of localAddresses)
      if (!this.#has('frontends', addressKey(address, 'localAddress'))) return false
    for (let seen = 0; seen < routes.size && this.#read < budget; seen++) {
      let next = this.#routes.next()
      if (next.done === true) {
        this.#routes = routes.values()
        next = this.#routes.next()
      }
      if (next.done === true) break
      if (!this.#isRouteRight(next.value)) return false
    }
    return true
  }

  #isRouteRight(route: ServiceRoute): boolean {
    if (unsupported(route) !== undefined || this.#maps.leftOut[route.family].has(route.key)) return true
    const numbers = this.#maps.numbers.get(route.family, route.key)
    if (numbers === undefined) return false
    return (
      this.#areFrontendsRight(route, numbers) &&
      this.#isServiceRight(route, numbers) &&
      memberKeys(route, numbers.service).every((key) => this.#has('members', key)) &&
      // A range that is missing under a wider one of the same scope is found by that, and packets in it are as well.
      allowedSourcesOf(route).every((cidr) => this.#has('ranges', rangeKey(numbers.service, cidr)))
    )
  }

  #areFrontendsRight(route: ServiceRoute, { service }: RouteNumbers): boolean {
    const { podSource, clusterIPs } = this.#table
    return route.frontends.every((frontend) => {
      const value = Buffer.alloc(structs.frontend.size)
      writeFrontend(service, route, frontend, podSource, value, 0)
      const observed = this.#get('frontends', frontendKeyOf(route, frontend))
      if (observed?.equals(value) !== true) return false
      const { address } = frontend
      if (address === undefined || !clusterIPs.has(address)) return true
      return this.#has('frontends', addressKey(address, 'clusterIP'))
    })
  }

  #isServiceRight(route: ServiceRoute, { service, base, count }: RouteNumbers): boolean {
    const value = Buffer.alloc(structs.service.size)
    writeService(base, route, value, 0)
    const key = Buffer.alloc(4)
    key.writeUInt32LE(service, 0)
    if (this.#get('services', key)?.equals(value) !== true) return false
    const { cluster, local } = route.endpoints
    if (cluster.length + local.length !== count) return false
    const slots = Buffer.alloc(count * structs.endpoint.size)
    for (let slot = 0; slot < count; slot++) {
      key.writeUInt32LE(base + slot, 0)
      this.#get('endpoints', key)?.copy(slots, slot * structs.endpoint.size)
    }
    return sameEndpoints(slots, 0, cluster) && sameEndpoints(slots, cluster.length, local)
  }

  #get(map: string, key: Buffer): Buffer | undefined {
    this.#read++
    return this.#maps.object.map(map).get(key)
  }

  #has(map: string, key: Buffer): boolean {
    return this.#get(map, key) !== undefined
  }
}
