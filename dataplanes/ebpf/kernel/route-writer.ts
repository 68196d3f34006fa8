import { endpointScopes, type IpFamily, type PodSource, type ServiceRoute } from '@portolan/core'
import type { RouteStep } from '../compile/program.ts'
import {
  allowedSourcesOf,
  frontendKeyOf,
  hasMembers,
  memberKeys,
  rangeKey,
  writeEndpoint,
  writeFrontend,
  writeFrontendKey,
  writeMemberKey,
  writeRangeKey,
  writeService,
} from '../layout/encode.ts'
import type { Numbers, RouteNumbers } from '../layout/numbers.ts'
import { bytesOf } from '../layout/observed-state.ts'
import { structs } from '../layout/structures.ts'
import type { TableMap, TableMaps } from './table-maps.ts'

/** A route's step with the numbers that it has before (`old`) and after. */
export interface PlannedRoute {
  readonly step: RouteStep
  /** Whether its last change was left out: the maps hold an older state, of which others may have taken frontends. */
  readonly leftOut: boolean
  readonly old: RouteNumbers | undefined
  readonly numbers: RouteNumbers | undefined
}

/** Largest number of endpoints in 16 bits. */
const maxEndpoints = 0xffff

/**
 * Gives a route its numbers; says what there is no room in otherwise.
 *
 * @param leftOut its last change was left out, so that the kernel may hold other endpoints than those of `before`
 */
export function planRoute(
  step: RouteStep,
  numbers: Numbers,
  family: IpFamily,
  leftOut: boolean,
  now: number,
): PlannedRoute | 'services' | 'endpoints' | 'tooMany' {
  const { before, after } = step
  const old = numbers.get(family, step.key)
  if (after === undefined) return { step, leftOut, old, numbers: undefined }
  const { cluster, local } = after.endpoints
  if (cluster.length > maxEndpoints || local.length > maxEndpoints) return 'tooMany'
  if (old !== undefined && before?.endpoints === after.endpoints && !leftOut)
    return { step, leftOut, old, numbers: old }
  const taken = numbers.take(old, cluster.length + local.length, now)
  return typeof taken === 'string' ? taken : { step, leftOut, old, numbers: taken }
}

/** Writes the elements of routes into the batches of their maps. Owners are the routes' places in the list. */
export class RouteWriter {
  readonly #maps: TableMaps
  readonly #podSource: PodSource
  readonly #routes: readonly PlannedRoute[]

  constructor(maps: TableMaps, podSource: PodSource, routes: readonly PlannedRoute[]) {
    this.#maps = maps
    this.#podSource = podSource
    this.#routes = routes
  }

  /** What no packet sees before the service or its frontends lead there. */
  endpoints(): void {
    const [endpoints, members, ranges] = [
      this.#maps.batch('endpoints'),
      this.#maps.batch('members'),
      this.#maps.batch('ranges'),
    ]
    endpoints.expect(this.#routes.reduce((sum, { numbers }) => sum + (numbers?.count ?? 0), 0))
    this.#routes.forEach(({ step: { after }, numbers, old }, owner) => {
      if (after === undefined || numbers === undefined) return
      const { cluster, local } = after.endpoints
      // The same numbers as before are the same object.
      if (old !== numbers) {
        let slot = numbers.base
        for (const list of [cluster, local]) {
          for (const endpoint of list) {
            endpoints.add(owner)
            endpoints.keys.writeUInt32LE(slot++, endpoints.keyAt)
            writeEndpoint(endpoint, endpoints.values, endpoints.valueAt)
          }
        }
      }
      if (hasMembers(after)) {
        for (const over of endpointScopes) {
          for (const endpoint of after.endpoints[over]) {
            members.add(owner)
            writeMemberKey(numbers.service, over, endpoint, members.keys, members.keyAt)
          }
        }
      }
      for (const cidr of allowedSourcesOf(after)) {
        ranges.add(owner)
        writeRangeKey(numbers.service, cidr, ranges.keys, ranges.keyAt)
      }
    })
  }

  services(): void {
    const batch = this.#maps.batch('services')
    batch.expect(this.#routes.length)
    this.#routes.forEach(({ step: { after }, numbers }, owner) => {
      if (after === undefined || numbers === undefined) return
      batch.add(owner)
      batch.keys.writeUInt32LE(numbers.service, batch.keyAt)
      writeService(numbers.base, after, batch.values, batch.valueAt)
    })
  }

  /** Those that balance for some class of source, or those that don't. */
  frontends(which: (balances: boolean) => boolean): void {
    const batch = this.#maps.batch('frontends')
    batch.expect(this.#routes.length)
    this.#routes.forEach(({ step: { after }, numbers }, owner) => {
      if (after === undefined || numbers === undefined) return
      for (const frontend of after.frontends) {
        const { pod, node, outside } = frontend.verdicts
        if (!which(pod.do === 'balance' || node.do === 'balance' || outside.do === 'balance')) continue
        batch.add(owner)
        writeFrontendKey(after, frontend, batch.keys, batch.keyAt)
        writeFrontend(numbers.service, after, frontend, this.#podSource, batch.values, batch.valueAt)
      }
    })
  }

  /** What the routes had and have no longer. */
  leftovers(drop: (map: TableMap, key: Buffer) => void): void {
    for (const {
      step: { before, after },
      leftOut,
      old,
    } of this.#routes) {
      if (before === undefined || old === undefined) continue
      const dropOld = (map: TableMap, keys: (route: ServiceRoute) => readonly Buffer[]) => {
        const staying = new Set(after === undefined ? [] : keys(after).map(bytesOf))
        for (const key of keys(before)) {
          if (staying.has(bytesOf(key))) continue
          if (leftOut && map === 'frontends' && !this.#leadsTo(old.service, key)) continue
          drop(map, key)
        }
      }
      if (before.frontends !== after?.frontends) {
        dropOld('frontends', (route) => route.frontends.map((frontend) => frontendKeyOf(route, frontend)))
        dropOld('ranges', (route) => allowedSourcesOf(route).map((cidr) => rangeKey(old.service, cidr)))
      }
      if (before.endpoints !== after?.endpoints || hasMembers(before) !== hasMembers(after))
        dropOld('members', (route) => memberKeys(route, old.service))
    }
  }

  #leadsTo(service: number, frontend: Buffer): boolean {
    return (
      this.#maps.object.map('frontends').get(frontend)?.readUInt32LE(structs.frontend.at.service) === service
    )
  }
}
