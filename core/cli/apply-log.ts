import { isDataplaneError, thrownMessage } from '../dataplane/dataplane-error.ts'
import {
  type Applied,
  DegradedRoutes,
  type Drift,
  type EngineObserver,
  type Failed,
  type FlowsFailed,
  type FlowsForgotten,
} from '../engine/index.ts'
import type { IpFamily } from '../network/address.ts'
import type { ProcessLogger } from './log.ts'

/** Milliseconds between two summaries of what was applied. */
const summaryPeriod = 60_000

/** What an apply that is no ordinary change is called in the log. */
const done = {
  start: { event: 'first-apply', message: 'first apply done' },
  retry: { event: 'apply-recovered', message: 'applied after a failure' },
  repair: { event: 'drift-repaired', message: 'drift repaired' },
} as const

interface Tally {
  applies: number
  routes: number
  operations: number
  longest: number
}

interface FlowTally {
  passes: number
  deleted: number
  longest: number
}

/**
 * The engine's log. The first apply of a family, retries, repairs, failures and drift are a line each; ordinary
 * changes, of which there may be hundreds a second, are a line each only at level debug and else a summary a minute.
 */
export class ApplyLog implements EngineObserver {
  readonly #logger: ProcessLogger
  readonly #tallies = new Map<IpFamily, Tally>()
  /** So that a route that can't be programmed as asked is said once. */
  readonly #degraded = new DegradedRoutes()
  readonly #flowTallies = new Map<IpFamily, FlowTally>()
  #nodeChanges = 0
  readonly #timer: NodeJS.Timeout

  constructor(logger: ProcessLogger) {
    this.#logger = logger
    this.#timer = setInterval(() => this.#summarise(), summaryPeriod)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#summarise()
  }

  onApplied(applied: Applied): void {
    const { why } = applied
    this.#tellDegraded(applied)
    if (why === 'change') {
      this.#count(applied)
      if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(describe(applied), 'change applied')
      return
    }
    const { event, message } = done[why]
    this.#logger.info({ event, ...describe(applied) }, message)
  }

  onFailed({ family, error, failures, retryIn }: Failed): void {
    const { operation, fix } = error as { readonly operation?: unknown; readonly fix?: unknown }
    const fields = {
      event: 'apply-failed' as const,
      family,
      ...(typeof operation === 'string' ? { operation } : {}),
      ...(typeof fix === 'string' ? { fix } : {}),
      failures,
      retryInMs: Math.round(retryIn),
    }
    const what = isDataplaneError(error) ? error.message : `apply failed: ${thrownMessage(error)}`
    const look = typeof operation === 'string' ? 'look at the operation above and ' : ''
    this.#logger.error(
      fields,
      `${what}; what was not applied is tried again with the newest table. If it goes on, ${look}run ` +
        "'portolan plan --from kernel'",
    )
    if (error instanceof Error && error.stack !== undefined)
      this.#logger.debug({ stack: error.stack }, 'where it failed')
  }

  onDrift({ family, operations, findings }: Drift): void {
    this.#logger.warn(
      { event: 'drift-found', family, operations, findings: findings.slice(0, 10) },
      'another tool changed our rules; repairing. Find out which tool it is',
    )
  }

  onDisagreement({ family, operations, findings }: Drift): void {
    this.#logger.error(
      { event: 'dataplane-disagrees', family, operations, findings: findings.slice(0, 10) },
      'the dataplane reads back something other than it has just written, so drift of this family is looked for ' +
        'less often. Report it to the author of the dataplane',
    )
  }

  onFlowsForgotten({ family, read, deleted, took }: FlowsForgotten): void {
    this.#logger.debug({ family, read, deleted, ms: round(took) }, 'looked for stale flows of UDP')
    if (deleted === 0) return
    const { passes, ...tally } = this.#flowTallies.get(family) ?? { passes: 0, deleted: 0, longest: 0 }
    this.#flowTallies.set(family, {
      passes: passes + 1,
      deleted: tally.deleted + deleted,
      longest: Math.max(tally.longest, took),
    })
  }

  onFlowsFailed({ family, error, failures, retryIn }: FlowsFailed): void {
    this.#logger.warn(
      { event: 'flows-not-forgotten', family, failures, retryInMs: Math.round(retryIn) },
      `${thrownMessage(error)}; clients of UDP that keep their port may stay with an endpoint that is gone`,
    )
  }

  /** Every pod that starts or ends is several. */
  onNodeChange(what: string): void {
    this.#nodeChanges++
    this.#logger.debug({ what }, 'the node changed')
  }

  #tellDegraded(applied: Applied): void {
    const { family } = applied
    const { degraded, recovered } = this.#degraded.take(applied)
    for (const route of recovered)
      this.#logger.info({ event: 'route-recovered', family, route }, 'route recovered')
    for (const { route, reason } of degraded)
      this.#logger.warn({ event: 'route-degraded', family, route, reason }, 'route degraded')
  }

  #count({ family, report, routes, timings }: Applied): void {
    let tally = this.#tallies.get(family)
    if (tally === undefined) {
      tally = { applies: 0, routes: 0, operations: 0, longest: 0 }
      this.#tallies.set(family, tally)
    }
    tally.applies++
    tally.routes += routes.length
    tally.operations += report.operations
    tally.longest = Math.max(tally.longest, timings.applied - timings.begun)
  }

  #summarise(): void {
    for (const [family, { longest, ...tally }] of this.#tallies) {
      this.#logger.info(
        { event: 'changes-applied', family, ...tally, longestMs: round(longest) },
        'changes applied',
      )
    }
    this.#tallies.clear()
    for (const [family, { longest, ...tally }] of this.#flowTallies)
      this.#logger.info(
        { event: 'flows-forgotten', family, ...tally, longestMs: round(longest) },
        'stale flows of UDP forgotten',
      )
    this.#flowTallies.clear()
    if (this.#nodeChanges > 0)
      this.#logger.info({ event: 'node-changed', nodeChanges: this.#nodeChanges }, 'the node changed')
    this.#nodeChanges = 0
  }
}

function describe({ family, report, routes, setElements, timings, totalRoutes }: Applied): object {
  const { received, begun, computed, compiled, applied } = timings
  return {
    family,
    routes: totalRoutes,
    changedRoutes: routes.length,
    setElements,
    operations: report.operations,
    bytes: report.bytes,
    ms: round(applied - (received ?? begun)),
    computeMs: round(computed - begun),
    compileMs: round(compiled - computed),
    applyMs: round(applied - compiled),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
