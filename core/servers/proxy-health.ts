import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import type { EngineObserver } from '../engine/observer.ts'
import type { SyncProgress } from '../engine/progress.ts'
import type { IpFamily } from '../network/address.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { DataplaneFaults } from './dataplane-faults.ts'
import { goTime } from './go-time.ts'
import { type HealthProblem, healthProblems, type WatchedProxy } from './health-problems.ts'
import { type HttpHandler, jsonAnswer } from './http-answer.ts'
import { WallTimes } from './wall-times.ts'

export interface ProxyHealthOptions {
  /** kube-proxy's syncPeriod, in milliseconds. An update may be unapplied for twice as long. */
  readonly syncPeriod: number
  /** Comparable with the engine's `Timing`. */
  readonly clock?: Clock
  /** Milliseconds since the epoch. */
  readonly wallClock?: () => number
  /** What others know that an operator should see. */
  readonly problems?: () => readonly HealthProblem[]
  /** Told of the status of each answer, for metrics. */
  readonly onAnswer?: (path: HealthPath, status: 200 | 503) => void
}

export type HealthPath = '/healthz' | '/livez'

interface FamilyStatus {
  readonly lastUpdated: string
  readonly healthy: boolean
  /** When the oldest event came that isn't applied; of a family that isn't healthy. */
  readonly unappliedSince?: string
}

/** An answer's body: kube-proxy's, field by field and in its order, then our own. */
interface HealthBody {
  readonly lastUpdated: string
  readonly currentTime: string
  readonly nodeEligible?: boolean
  readonly healthy: boolean
  readonly status?: Readonly<Partial<Record<IpFamily, FamilyStatus>>>
  readonly problems?: readonly HealthProblem[]
}

/**
 * Whether this node's rules follow the cluster (`/livez`), and whether it is to get new connections from load balancers
 * besides (`/healthz`); SEMANTICS 11.
 *
 * A family is late when the oldest event that the kernel isn't known to hold came more than twice syncPeriod ago, whether
 * its apply fails, hangs or waits. Other than in kube-proxy that holds for the first apply as well.
 */
export class ProxyHealth implements EngineObserver {
  readonly #options: ProxyHealthOptions
  readonly #clock: Clock
  readonly #wallClock: () => number
  readonly #times: WallTimes
  #proxy: WatchedProxy | undefined
  readonly #faults = new DataplaneFaults()

  constructor(options: ProxyHealthOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#wallClock = options.wallClock ?? Date.now
    this.#times = new WallTimes(this.#clock, this.#wallClock)
  }

  /** To be told when there is a proxy. Until then nothing is late, and the node is unknown. */
  watch(proxy: WatchedProxy): void {
    this.#proxy = proxy
  }

  onFault(fault: DataplaneError): void {
    this.#faults.onFault(fault)
  }

  /** Whether no family is late. */
  get isHealthy(): boolean {
    const proxy = this.#proxy
    return proxy?.families.every((family) => !this.#isLate(proxy.progress(family))) ?? true
  }

  /** Whether the node is to get new connections, as far as its Node object says. */
  get isNodeEligible(): boolean {
    const node = this.#proxy?.sourceStatus.ownNode
    return node !== undefined && node.leaving === undefined
  }

  readonly healthz: HttpHandler = () => {
    const nodeEligible = this.isNodeEligible
    const status = this.isHealthy && nodeEligible ? 200 : 503
    this.#options.onAnswer?.('/healthz', status)
    return jsonAnswer(status, this.#body(status === 200, { nodeEligible }))
  }

  readonly livez: HttpHandler = () => {
    const status = this.isHealthy ? 200 : 503
    this.#options.onAnswer?.('/livez', status)
    return jsonAnswer(status, this.#body(status === 200, {}))
  }

  #body(isWell: boolean, eligibility: Pick<HealthBody, 'nodeEligible'>): HealthBody {
    const now = this.#wallClock()
    const problems = this.#problems()
    return {
      // While all is well it is now, as clients of old kube-proxies expect: there it was when the loop last ran.
      lastUpdated: isWell ? goTime(now) : this.#times.textOf(this.#lastInSync()),
      currentTime: goTime(now),
      ...eligibility,
      healthy: this.isHealthy,
      ...this.#status(),
      ...(problems.length === 0 ? {} : { problems }),
    }
  }

  #lastInSync(): number | undefined {
    const proxy = this.#proxy
    const times = proxy?.families.flatMap((family) => proxy.progress(family)?.inSyncAt ?? []) ?? []
    return times.length === 0 ? undefined : Math.max(...times)
  }

  /** Of the families that have been in sync, or should have been by now. */
  #status(): Pick<HealthBody, 'status'> {
    const proxy = this.#proxy
    const known = proxy?.families.flatMap((family) => {
      const progress = proxy.progress(family)
      const healthy = !this.#isLate(progress)
      if (progress?.inSyncAt === undefined && healthy) return []
      const late = healthy ? {} : { unappliedSince: this.#times.textOf(progress?.unappliedSince) }
      return [[family, { lastUpdated: this.#times.textOf(progress?.inSyncAt), healthy, ...late }] as const]
    })
    return known === undefined || known.length === 0 ? {} : { status: Object.fromEntries(known) }
  }

  #problems(): readonly HealthProblem[] {
    return [
      ...(this.#proxy === undefined ? [] : healthProblems(this.#proxy, (at) => this.#times.textOf(at))),
      ...this.#faults.problems,
      ...(this.#options.problems?.() ?? []),
    ]
  }

  #isLate(progress: SyncProgress | undefined): boolean {
    const since = progress?.unappliedSince
    return since !== undefined && this.#clock.now() - since >= 2 * this.#options.syncPeriod
  }
}
