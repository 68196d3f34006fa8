import type { ServiceRecord } from '../../cluster/records.ts'
import type { Address, IpFamily } from '../../network/address.ts'
import type { FrontendKey, RouteKey } from '../service-route.ts'
import { CountedSet } from './counted-set.ts'
import { type Claim, FrontendClaims, type LostClaim } from './frontend-claims.ts'
import {
  clusterIPOf,
  type Destination,
  destinationsOf,
  kindOfDestination,
  routeKeyOf,
  serviceKeyOf,
} from './service-frontends.ts'

/** What came of settling: to be worked out, or told, by the table's builder. */
export interface Settlement {
  /** Services that got or lost a destination because of another one. */
  readonly services: ReadonlySet<string>
  /** Routes whose Service or port is gone. */
  readonly goneRoutes: ReadonlySet<RouteKey>
  /** ClusterIPs that may have become active or inactive. */
  readonly clusterIPs: ReadonlySet<Address>
}

/** Which destinations and ClusterIPs each Service has, of those that it wants. */
export class ServiceClaims {
  readonly #family: IpFamily
  readonly #serviceOf: (key: string) => ServiceRecord | undefined
  readonly #claims: FrontendClaims
  readonly #clusterIPs = new CountedSet<Address>()
  /** Services whose record changed, with the record that their claims still are of. */
  readonly #changed = new Map<string, ServiceRecord | undefined>()

  constructor(
    family: IpFamily,
    serviceOf: (key: string) => ServiceRecord | undefined,
    onLost: (lost: LostClaim) => void,
  ) {
    this.#family = family
    this.#serviceOf = serviceOf
    this.#claims = new FrontendClaims((route, frontend) => this.#claimOf(route, frontend), onLost)
  }

  get owners(): ReadonlyMap<FrontendKey, RouteKey> {
    return this.#claims.owners
  }

  get clusterIPs(): ReadonlySet<Address> {
    return this.#clusterIPs.values
  }

  get contestedCount(): number {
    return this.#claims.contestedCount
  }

  get isPending(): boolean {
    return this.#changed.size > 0
  }

  /** The Service's record has changed, or it came or went. `before`: the record until then. */
  changed(key: string, before: ServiceRecord | undefined): void {
    if (!this.#changed.has(key)) this.#changed.set(key, before)
  }

  /**
   * Takes back the claims that no longer are, of all changed Services, before any new one is put in: so every owner
   * that a newcomer meets has its claim by its present record.
   */
  settle(): Settlement {
    const settlement = {
      services: new Set<string>(),
      goneRoutes: new Set<RouteKey>(),
      clusterIPs: new Set<Address>(),
    }
    for (const [key, before] of this.#changed) {
      if (before !== undefined) this.#release(before, this.#serviceOf(key), settlement)
    }
    for (const key of this.#changed.keys()) {
      const service = this.#serviceOf(key)
      if (service !== undefined) this.#put(service, settlement)
    }
    this.#changed.clear()
    return settlement
  }

  /** The destinations of one route that are its own. */
  ownedBy(route: RouteKey, destinations: readonly Destination[]): readonly Destination[] {
    return destinations.filter(({ key }) => this.#claims.owners.get(key) === route)
  }

  #release(
    before: ServiceRecord,
    after: ServiceRecord | undefined,
    { services, goneRoutes, clusterIPs }: MutableSettlement,
  ): void {
    const kept = this.#destinations(after)
    for (const [route, destinations] of this.#destinations(before)) {
      const still = kept.get(route)
      if (still === undefined) goneRoutes.add(route)
      for (const { key } of destinations) {
        if (still?.some((destination) => destination.key === key)) continue
        const heir = this.#claims.release(key, route)
        if (heir !== undefined) services.add(serviceKeyOf(heir))
      }
    }
    const clusterIP = clusterIPOf(before, this.#family)
    if (clusterIP !== undefined && this.#clusterIPs.release(clusterIP)) clusterIPs.add(clusterIP)
  }

  #put(service: ServiceRecord, { services, clusterIPs }: MutableSettlement): void {
    const clusterIP = clusterIPOf(service, this.#family)
    if (clusterIP !== undefined && this.#clusterIPs.hold(clusterIP)) clusterIPs.add(clusterIP)
    for (const port of clusterIP === undefined ? [] : service.ports) {
      const route = routeKeyOf(service, port)
      for (const { key, kind } of destinationsOf(service, port, this.#family)) {
        const claim = { route, service: service.key, createdAt: service.createdAt, kind }
        for (const affected of this.#claims.claim(key, claim)) services.add(serviceKeyOf(affected))
      }
    }
  }

  /** By route; without an entry for a Service that doesn't exist in this family. */
  #destinations(service: ServiceRecord | undefined): ReadonlyMap<RouteKey, readonly Destination[]> {
    if (service === undefined || clusterIPOf(service, this.#family) === undefined) return new Map()
    return new Map(
      service.ports.map((port) => [routeKeyOf(service, port), destinationsOf(service, port, this.#family)]),
    )
  }

  #claimOf(route: RouteKey, frontend: FrontendKey): Claim {
    const key = serviceKeyOf(route)
    const service = this.#serviceOf(key)
    return {
      route,
      service: key,
      createdAt: service?.createdAt ?? 0,
      kind: service === undefined ? 'ExternalIP' : kindOfDestination(service, frontend),
    }
  }
}

interface MutableSettlement {
  readonly services: Set<string>
  readonly goneRoutes: Set<RouteKey>
  readonly clusterIPs: Set<Address>
}
