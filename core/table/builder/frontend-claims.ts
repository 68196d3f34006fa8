import type { FrontendKey, FrontendKind, RouteKey } from '../service-route.ts'

/** One route's wish to answer at a destination. */
export interface Claim {
  readonly route: RouteKey
  /** `namespace/name` of the Service. */
  readonly service: string
  /** Seconds since the epoch. */
  readonly createdAt: number
  readonly kind: FrontendKind
}

/** A claim that has lost its destination, or never got it. */
export interface LostClaim {
  readonly frontend: FrontendKey
  readonly loser: Claim
  readonly winner: Claim
}

/**
 * Settles who answers at a destination that several Services claim. The winner depends on the claims alone, not on
 * the order in which they came, so every node of a cluster and every restart agree; when it goes, the next one takes
 * over.
 *
 * A ClusterIP beats all else: a Service inside the cluster must not be taken over by naming its address as an external
 * one (CVE-2020-8554). Then the older Service wins, so that a newcomer never takes what worked. Within one Service a
 * load balancer address beats the same external address, because only it is guarded by source ranges.
 */
export class FrontendClaims {
  readonly #owners = new Map<FrontendKey, RouteKey>()
  /** All claims, best first, of destinations with more than one; hardly any, so the others take no place here. */
  readonly #contested = new Map<FrontendKey, Claim[]>()
  readonly #claimOf: (route: RouteKey, frontend: FrontendKey) => Claim
  readonly #onLost: (lost: LostClaim) => void

  /** `claimOf` gives back the claim with which the sole owner of a destination got it. */
  constructor(claimOf: (route: RouteKey, frontend: FrontendKey) => Claim, onLost: (lost: LostClaim) => void) {
    this.#claimOf = claimOf
    this.#onLost = onLost
  }

  get owners(): ReadonlyMap<FrontendKey, RouteKey> {
    return this.#owners
  }

  /**
   * Puts in a claim, or renews it. Gives the routes that have lost and got the destination, where it passes from one to
   * another: a claim that is renewed may be a weaker one, so that a third route gets what its own route had.
   */
  claim(frontend: FrontendKey, claim: Claim): readonly RouteKey[] {
    const owner = this.#owners.get(frontend)
    if (owner === undefined) {
      this.#owners.set(frontend, claim.route)
      return none
    }
    const rivals = this.#contested.get(frontend)
    if (rivals === undefined && owner === claim.route) return none
    const known = rivals ?? [this.#claimOf(owner, frontend)]
    const isNew = !known.some((rival) => rival.route === claim.route)
    const claims = [...known.filter((rival) => rival.route !== claim.route), claim].sort(byRank)
    this.#contested.set(frontend, claims)
    return this.#settle(frontend, claims, owner, isNew ? claim : undefined)
  }

  /** Takes a claim back. Gives the route that the destination has fallen to. */
  release(frontend: FrontendKey, route: RouteKey): RouteKey | undefined {
    const rivals = this.#contested.get(frontend)
    if (rivals === undefined) {
      if (this.#owners.get(frontend) === route) this.#owners.delete(frontend)
      return undefined
    }
    const claims = rivals.filter((rival) => rival.route !== route)
    if (claims.length > 1) this.#contested.set(frontend, claims)
    else this.#contested.delete(frontend)
    const [best] = claims
    if (best === undefined || best.route === this.#owners.get(frontend)) return undefined
    this.#owners.set(frontend, best.route)
    return best.route
  }

  /** How many destinations are contested. */
  get contestedCount(): number {
    return this.#contested.size
  }

  #settle(
    frontend: FrontendKey,
    claims: readonly Claim[],
    owner: RouteKey,
    newcomer: Claim | undefined,
  ): readonly RouteKey[] {
    const [winner] = claims
    if (winner === undefined) return none
    this.#owners.set(frontend, winner.route)
    if (winner.route !== owner) {
      const loser = claims.find((claim) => claim.route === owner)
      if (loser !== undefined) this.#onLost({ frontend, loser, winner })
      return [owner, winner.route]
    }
    if (newcomer !== undefined) this.#onLost({ frontend, loser: newcomer, winner })
    return none
  }
}

const none: readonly RouteKey[] = []

const kindRank = { ClusterIP: 0, LoadBalancer: 1, ExternalIP: 2, NodePort: 3 } as const

function byRank(a: Claim, b: Claim): number {
  const clusterIPFirst = Number(b.kind === 'ClusterIP') - Number(a.kind === 'ClusterIP')
  if (clusterIPFirst !== 0) return clusterIPFirst
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt
  if (a.service !== b.service) return a.service < b.service ? -1 : 1
  if (a.kind !== b.kind) return kindRank[a.kind] - kindRank[b.kind]
  return a.route < b.route ? -1 : 1
}
