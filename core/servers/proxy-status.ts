import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { SyncProgress } from '../engine/progress.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { ClusterSource } from '../source/cluster-source.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { DataplaneFaults } from './dataplane-faults.ts'
import type { DriftEntry, DriftLog } from './drift-log.ts'
import { type HealthProblem, healthProblems, type WatchedProxy } from './health-problems.ts'
import { type HttpHandler, jsonAnswer } from './http-answer.ts'

/** How a running proxy does: what `/status` answers, and `portolan status` shows. Times as in RFC 3339, in UTC. */
export interface StatusReport {
  readonly version: string
  /** In its own PID namespace. */
  readonly pid: number
  readonly node: string
  readonly dataplane: string
  readonly since: string
  readonly now: string
  /** Whether nothing below needs an operator. */
  readonly well: boolean
  readonly families: readonly FamilyStatus[]
  readonly source: {
    readonly description: string
    /** How far each kind has been read; empty for a source without versions. */
    readonly read: readonly ReadStatus[]
  }
  /** As `/healthz` has them, and what else an operator wants to know. */
  readonly problems: readonly HealthProblem[]
  /** Values of objects that are left out, by kind and field. */
  readonly skipped: Readonly<Record<string, number>>
  readonly drift: {
    /** Findings of audits that are remembered. */
    readonly findings: number
    readonly unrepaired: number
    /** The newest; `null`: none. */
    readonly last: Omit<DriftEntry, 'furtherFindings'> | null
  }
}

export interface FamilyStatus {
  readonly family: IpFamily
  readonly routes: number
  /** When the kernel last held all that the cluster asks; `null`: not since the start. */
  readonly inSync: string | null
  /** Since when something isn't applied; `null`: all is. */
  readonly unappliedSince: string | null
  /** Whether that is longer than twice syncPeriod. */
  readonly late: boolean
  /** Failures of the apply, one after the other. */
  readonly failures: number
  /** Routes that the dataplane can't program as asked. */
  readonly degraded: number
}

export interface ReadStatus {
  /** `services`, as RBAC names it. */
  readonly resource: string
  readonly resourceVersion: string
  /** Seconds since the last list, event or bookmark. */
  readonly age: number
}

/** Problems that go by themselves and lose nothing. */
const ordinary: ReadonlySet<string> = new Set(['predecessor-found', 'predecessor-drains'])

/** What the page shows of a proxy; `RunningProxy` is one. */
export interface StatusProxy extends WatchedProxy {
  readonly nodeName: string
  readonly source: Pick<ClusterSource, 'description' | 'progress'>
  readonly problemCounts: ReadonlyMap<string, number>
  table(family: IpFamily): RoutingTable | undefined
}

export interface ProxyStatusOptions {
  readonly version: string
  readonly dataplane: string
  readonly pid: number
  /** When the process began: milliseconds since the epoch. */
  readonly startedAt: number
  /** kube-proxy's, in milliseconds. */
  readonly syncPeriod: number
  readonly driftLog: DriftLog
  /** What others know that an operator should see. */
  readonly problems?: () => readonly HealthProblem[]
  /** By `performance.now()`. */
  readonly now: () => number
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number
}

/** Lines of the newest finding of an audit. */
const shownFindings = 5

/** Puts together how the proxy does, when it is asked. */
export class ProxyStatus implements EngineObserver {
  readonly #options: ProxyStatusOptions
  readonly #degraded = new DegradedRoutes()
  readonly #faults = new DataplaneFaults()

  constructor(options: ProxyStatusOptions) {
    this.#options = options
  }

  onApplied(applied: Applied): void {
    this.#degraded.take(applied)
  }

  onFault(fault: DataplaneError): void {
    this.#faults.onFault(fault)
  }

  page(proxy: StatusProxy): HttpHandler {
    return () => jsonAnswer(200, this.report(proxy))
  }

  report(proxy: StatusProxy): StatusReport {
    const { version, dataplane, pid, startedAt, driftLog, wallClock, now } = this.#options
    const families = ipFamilies.filter((family) => proxy.families.includes(family))
    const shown = families.map((family) => this.#family(proxy, family))
    const timeText = (at: number) => this.#timeText(at)
    const problems = [
      ...healthProblems(proxy, timeText),
      ...this.#faults.problems,
      ...(this.#options.problems?.() ?? []),
    ]
    const { entries } = driftLog
    const unrepaired = entries.filter(
      ({ repaired, disagreement }) => repaired === null && !disagreement,
    ).length
    const isWell = shown.every(({ late, inSync, degraded }) => !late && inSync !== null && degraded === 0)
    return {
      version,
      pid,
      node: proxy.nodeName,
      dataplane,
      since: new Date(startedAt).toISOString(),
      now: new Date(wallClock()).toISOString(),
      well: isWell && problems.every(({ problem }) => ordinary.has(problem)) && unrepaired === 0,
      families: shown,
      source: {
        description: proxy.source.description,
        read: (proxy.source.progress ?? []).map(({ resource, resourceVersion, at }) => ({
          resource,
          resourceVersion,
          age: Math.round((now() - at) / 100) / 10,
        })),
      },
      problems,
      skipped: Object.fromEntries(proxy.problemCounts),
      drift: { findings: entries.length, unrepaired, last: lastOf(entries) },
    }
  }

  #family(proxy: StatusProxy, family: IpFamily): FamilyStatus {
    const progress: SyncProgress = proxy.progress(family) ?? {}
    const { inSyncAt, unappliedSince, failure } = progress
    const text = (at: number | undefined) => (at === undefined ? null : this.#timeText(at))
    const waited = unappliedSince === undefined ? 0 : this.#options.now() - unappliedSince
    return {
      family,
      routes: proxy.table(family)?.routes.size ?? 0,
      inSync: text(inSyncAt),
      unappliedSince: text(unappliedSince),
      late: waited >= 2 * this.#options.syncPeriod,
      failures: failure?.inARow ?? 0,
      degraded: this.#degraded.count(family),
    }
  }

  #timeText(at: number): string {
    const { now, wallClock } = this.#options
    return new Date(wallClock() - (now() - at)).toISOString()
  }
}

function lastOf([last]: readonly DriftEntry[]): StatusReport['drift']['last'] {
  if (last === undefined) return null
  const { furtherFindings: _, ...rest } = last
  return { ...rest, findings: last.findings.slice(0, shownFindings) }
}
