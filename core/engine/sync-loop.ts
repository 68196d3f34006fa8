import type { ApplyResult, Dataplane } from '../dataplane/contract.ts'
import type { IpFamily } from '../network/address.ts'
import { AppliedTable, isEmptyChange, type Touched } from '../table/diff.ts'
import { tableSets } from '../table/routing-table.ts'
import type { TableChange } from '../table/table-change.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import { adoptObserved } from './adopt.ts'
import { FlowCleanup } from './flow-cleanup.ts'
import type { LiveTable } from './live-table.ts'
import type { Applied, ApplyReason, ApplyTimings, EngineObserver } from './observer.ts'
import type { SyncProgress } from './progress.ts'
import type { Timing } from './timing.ts'

export interface SyncLoopOptions {
  readonly family: IpFamily
  readonly live: LiveTable
  readonly dataplane: Dataplane
  readonly timing: Timing
  /** Least time between the end of one apply and the start of the next, in milliseconds. 0: none. */
  readonly minSyncPeriod: number
  /** Time between two audits, in milliseconds. 0: never. */
  readonly auditPeriod: number
  /** As `observers` makes it: what it throws is its own loss. */
  readonly observer: EngineObserver
}

/** How long a failed apply waits for the next attempt. */
const retryLimits: BackoffLimits = { retryMinMs: 100, retryMaxMs: 30_000 }

/** An audit may read all that the kernel holds; audits take this part of the time at most. */
const auditShare = 0.01

/** What is due while something else is done waits so long, in milliseconds. */
const putOff = 20

/** Time between two upkeeps of a dataplane, in milliseconds. */
const upkeepPeriod = 5000

/**
 * How often an upkeep or an audit is put off until it comes before the next apply: a table that always changes must keep
 * neither away.
 */
const maxPutOffs = 50

/** What audits may save up of that, in milliseconds: on a quiet node two changes by other tools are repaired at once. */
const maxAuditCredit = 3000

/** How long audits of a family rest whose dataplane doesn't read back what it writes. */
const disagreementLimits: BackoffLimits = { retryMinMs: 10_000, retryMaxMs: 600_000 }

/** How many are kept while applies fail: enough for a latency histogram, however long that lasts. */
const maxTriggerTimes = 10_000

/**
 * Brings one family's kernel state after its table, and keeps it there.
 *
 * An event is applied at once when nothing is under way; what arrives during an apply is coalesced into the next one
 * (adaptive batching), so that a slow kernel gets larger changes, never a queue. What was last applied is remembered
 * here; after a failure that memory is in doubt, so the kernel is observed and reconciled with the newest table. The
 * same is how it starts: a predecessor's rules are adopted. No two calls to the dataplane for this family overlap.
 */
export class SyncLoop {
  /** Resolves when the kernel first holds what the table says; never, if it is stopped before. */
  readonly firstApplied: Promise<void>
  readonly #resolveFirst: () => void
  readonly #options: SyncLoopOptions
  readonly #applied: AppliedTable
  readonly #flowCleanup: FlowCleanup
  #started = false
  #stopped = false
  /** Something in the table may differ from what was applied. */
  #pending = false
  /** When the oldest pending event arrived. */
  #received: number | undefined
  /** When the table was told of it; unknown where it is not measured. */
  #tableChanged: number | undefined
  /** When the last event was told. */
  #notifiedAt: number | undefined
  /** When the oldest pending event was told, or the start; from the start on. */
  #pendingSince: number | undefined
  /** The same of what was taken up since, and isn't known to be in the kernel. */
  #unappliedSince: number | undefined
  /** When the kernel last held what the table said. */
  #inSyncAt: number | undefined
  /** Why the last turn failed; absent: it didn't. */
  #error: unknown
  /** A dataplane call is under way. */
  #busy = false
  /** A run is due: soon, after minSyncPeriod, or after a back-off. */
  #scheduled = false
  /** A run is due when minSyncPeriod has passed; until then there is time for an upkeep. */
  #inMinSyncPeriod = false
  /** An upkeep has been put off for long, and comes before the next apply. */
  #upkeepOverdue = false
  /** The same of an audit. */
  #auditOverdue = false
  #cancelTimer: (() => void) | undefined
  #cancelAudit: (() => void) | undefined
  #cancelUpkeep: (() => void) | undefined
  /** How long audits may take until they have to wait, in milliseconds; below 0: what they have overdrawn. */
  #auditCredit = maxAuditCredit
  #lastAudit = Number.NEGATIVE_INFINITY
  /** Drift was suspected since the last audit began. */
  #suspected = false
  /** What the last audit found, and then repaired; empty: it found nothing. */
  #lastFindings = ''
  /** Repairs in a row after which the dataplane still read back something else than it had written. */
  #disagreements = 0
  /** Why the kernel must be observed before the next apply; absent: it holds what was last applied. */
  #doubt: 'start' | 'retry' | undefined = 'start'
  #failures = 0
  /** Of all events that no successful apply has covered yet. */
  #triggerTimes: readonly number[] = []
  /** When the last apply ended. */
  #ended = Number.NEGATIVE_INFINITY
  #current: Promise<void> = Promise.resolve()

  constructor(options: SyncLoopOptions) {
    this.#options = options
    this.#applied = new AppliedTable(options.live.table)
    const { family, live, dataplane, timing, observer } = options
    this.#flowCleanup = new FlowCleanup({
      family,
      live,
      dataplane,
      timing,
      onForgotten: (forgotten) => observer.onFlowsForgotten?.(forgotten),
      onFailed: (failed) => observer.onFlowsFailed?.(failed),
    })
    const first = Promise.withResolvers<void>()
    this.firstApplied = first.promise
    this.#resolveFirst = first.resolve
  }

  /** Begins with what the kernel holds. To be called once the table is complete: a partial one is never applied. */
  start(): void {
    if (this.#started || this.#stopped) return
    this.#started = true
    this.#pending = true
    this.#pendingSince = this.#options.timing.now()
    this.#wake()
    this.#awaitAudit(this.#options.auditPeriod)
    this.#awaitUpkeep(upkeepPeriod)
  }

  /** The table may have changed. `received`: when the event's first byte arrived, by `Timing.now()`. */
  notify(received?: number): void {
    const { family, observer, timing } = this.#options
    const now = timing.now()
    this.#notifiedAt = now
    if (!this.#pending) {
      this.#pending = true
      this.#received = received
      if (this.#started) this.#pendingSince = now
      if (observer.onApplied !== undefined) this.#tableChanged = now
      observer.onPending?.(family)
    }
    this.#wake()
  }

  get progress(): SyncProgress {
    const unappliedSince = this.#unappliedSince ?? this.#pendingSince
    return {
      ...(this.#notifiedAt === undefined ? {} : { notifiedAt: this.#notifiedAt }),
      ...(this.#inSyncAt === undefined ? {} : { inSyncAt: this.#inSyncAt }),
      ...(unappliedSince === undefined ? {} : { unappliedSince }),
      ...(this.#failures === 0 ? {} : { failure: { error: this.#error, inARow: this.#failures } }),
    }
  }

  /** Has the kernel compared as soon as audits have earned the time for it. */
  suspectDrift(): void {
    // One that is under way may have looked too early.
    this.#suspected = true
    const waits = this.#cancelAudit !== undefined && this.#disagreements === 0
    if (!waits) return
    this.#cancelAudit?.()
    const earned = (this.#options.timing.now() - this.#lastAudit) * auditShare
    this.#awaitAudit(Math.max(0, -(this.#auditCredit + earned) / auditShare))
  }

  /** Ends after the apply that is under way. The rules stay. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#cancelAudit?.()
    this.#cancelUpkeep?.()
    await Promise.all([this.#current, this.#flowCleanup.stop()])
  }

  #wake(): void {
    if (!this.#started || this.#stopped || this.#busy || this.#scheduled) return
    this.#scheduled = true
    const { minSyncPeriod, timing } = this.#options
    const wait = minSyncPeriod > 0 ? this.#ended + minSyncPeriod - timing.now() : 0
    this.#inMinSyncPeriod = wait > 0
    if (wait > 0) this.#cancelTimer = timing.after(wait, this.#begin)
    else timing.soon(this.#begin)
  }

  readonly #begin = (): void => {
    this.#scheduled = false
    this.#inMinSyncPeriod = false
    if (this.#stopped || this.#busy) return
    this.#busy = true
    const doubt = this.#doubt
    if (doubt === undefined) this.#follow('change', () => this.#applyChange())
    else this.#follow(doubt, () => this.#reconcile(doubt))
  }

  /** Takes one turn with the dataplane and its outcome, and goes on with what arrived meanwhile. */
  #follow(why: ApplyReason, turn: () => Promise<void>): void {
    const begun = this.#options.timing.now()
    this.#current = turn().then(
      () => {
        this.#failures = 0
        this.#error = undefined
        this.#busy = false
        if (this.#upkeepOverdue && !this.#stopped) this.#keepUp()
        else if (this.#auditOverdue && !this.#stopped) this.#beginAudit()
        else if (this.#pending) this.#wake()
        this.#flowCleanup.applied()
      },
      (error: unknown) => {
        this.#doubt ??= 'retry'
        this.#failures++
        this.#error = error
        this.#busy = false
        const { family, observer, timing } = this.#options
        const now = timing.now()
        this.#unappliedSince ??= now
        if (this.#stopped) return
        const took = now - begun
        const failures = this.#failures
        const retryIn = backoff(failures, retryLimits, timing.random)
        this.#scheduled = true
        this.#cancelTimer = timing.after(retryIn, this.#begin)
        observer.onFailed?.({ family, why, error, took, failures, retryIn })
      },
    )
  }

  /** Looks and upkeep don't count for minSyncPeriod: with them, each change would wait for the rest of it. */
  #advance(change: TableChange): void {
    this.#ended = this.#options.timing.now()
    this.#isInSync(this.#ended)
    this.#applied.advance(change)
  }

  /** The hot path: one endpoint's change passes here and through nothing else that waits. */
  async #applyChange(): Promise<void> {
    const { dataplane, live, observer, timing } = this.#options
    const measured = observer.onApplied !== undefined
    const begun = measured ? timing.now() : 0
    const received = this.#takePending()
    const change = this.#applied.difference(live.table, this.#drain())
    if (isEmptyChange(change)) {
      this.#tellUnchanged()
      return
    }
    const computed = measured ? timing.now() : 0
    const program = dataplane.compile(change)
    const compiled = measured ? timing.now() : 0
    const report = await dataplane.apply(program)
    this.#advance(change)
    if (measured) this.#report('change', change, report, { ...received, begun, computed, compiled })
    else this.#triggerTimes = []
  }

  async #reconcile(why: 'start' | 'retry'): Promise<void> {
    const { dataplane, family, live, timing } = this.#options
    const begun = timing.now()
    const observed = await dataplane.observe(family)
    if (this.#stopped) return
    // From here to the apply nothing waits, so the change and the program speak of the same table.
    const received = this.#takePending()
    if (why === 'start') adoptObserved(dataplane, observed, live, () => this.#drain())
    else this.#drain()
    const change = this.#applied.fullDifference(live.table)
    const computed = timing.now()
    const program = dataplane.reconcile(observed, live.table)
    const compiled = timing.now()
    const report = await dataplane.apply(program)
    this.#advance(change)
    this.#doubt = undefined
    this.#report(why, change, report, { ...received, begun, computed, compiled })
    this.#resolveFirst()
  }

  #awaitAudit(period: number, putOffs = 0): void {
    if (this.#options.auditPeriod === 0 || this.#stopped) return
    this.#cancelAudit = this.#options.timing.after(period, () => {
      this.#cancelAudit = undefined
      if (this.#isQuiet) this.#beginAudit()
      else if (putOffs < maxPutOffs) this.#awaitAudit(putOff, putOffs + 1)
      else this.#auditOverdue = true
    })
  }

  #beginAudit(): void {
    this.#auditOverdue = false
    this.#busy = true
    this.#follow('repair', () => this.#audit())
  }

  #awaitUpkeep(period: number, putOffs = 0): void {
    const { dataplane, timing } = this.#options
    if (dataplane.upkeep === undefined || this.#stopped) return
    this.#cancelUpkeep = timing.after(period, () => {
      const isFree = this.#isQuiet || (this.#inMinSyncPeriod && !this.#busy && this.#doubt === undefined)
      if (isFree) this.#keepUp()
      else if (putOffs < maxPutOffs) this.#awaitUpkeep(putOff, putOffs + 1)
      else this.#upkeepOverdue = true
    })
  }

  #keepUp(): void {
    const { dataplane, family } = this.#options
    this.#upkeepOverdue = false
    this.#busy = true
    const upkeep = async () => dataplane.upkeep?.(family)
    this.#follow('repair', () => upkeep().finally(() => this.#awaitUpkeep(upkeepPeriod)))
  }

  /** Nothing of this family is under way or due. */
  get #isQuiet(): boolean {
    return !this.#busy && !this.#pending && !this.#scheduled && this.#doubt === undefined
  }

  /** Compares the kernel with the table and repairs what differs. What comes meanwhile is applied with it. */
  async #audit(): Promise<void> {
    const { auditPeriod, dataplane, family, live, observer, timing } = this.#options
    const begun = timing.now()
    const earned = (begun - this.#lastAudit) * auditShare
    this.#auditCredit = Math.min(maxAuditCredit, this.#auditCredit + earned)
    this.#lastAudit = begun
    this.#suspected = false
    try {
      if (await dataplane.isUnchanged(family)) return
      const observed = await dataplane.observe(family)
      if (this.#stopped) return
      const wasPending = this.#pending
      const received = this.#takePending()
      const change = this.#applied.difference(live.table, this.#drain())
      const computed = timing.now()
      const program = dataplane.reconcile(observed, live.table)
      const { operations } = program
      const changed = !isEmptyChange(change)
      if (operations === 0 && !changed) {
        this.#lastFindings = ''
        this.#disagreements = 0
        if (wasPending) this.#tellUnchanged()
        return
      }
      // What is yet to be written for an event is no drift.
      const due = changed ? dataplane.compile(change).operations : 0
      const drifted = operations > due
      const findings = drifted ? program.findings : []
      if (drifted) {
        observer.onDrift?.({ family, operations, findings })
        // What began meanwhile wasn't led by these rules.
        this.#flowCleanup.suspect('all')
      }
      const compiled = timing.now()
      const report = await dataplane.apply(program)
      this.#advance(change)
      const why = drifted ? 'repair' : 'change'
      this.#report(why, changed ? change : undefined, report, { ...received, begun, computed, compiled })
      if (drifted) await this.#doubtRepair(findings.join('\n'))
    } finally {
      this.#auditCredit -= timing.now() - begun
      const pause =
        this.#disagreements === 0 ? 0 : backoff(this.#disagreements, disagreementLimits, timing.random)
      const due = this.#suspected ? 0 : auditPeriod
      this.#awaitAudit(Math.max(due, pause, -this.#auditCredit / auditShare))
    }
  }

  /**
   * A repair that had to be made twice in a row is looked at once more, right after it. If the same still differs it is
   * no other tool's work: the dataplane doesn't read back what it writes.
   */
  async #doubtRepair(findings: string): Promise<void> {
    const again = findings === this.#lastFindings
    this.#lastFindings = findings
    if (!again) return
    const { dataplane, family, live, observer } = this.#options
    const observed = await dataplane.observe(family)
    if (this.#stopped || this.#pending) return
    const { operations, findings: left } = dataplane.reconcile(observed, live.table)
    if (operations === 0 || left.join('\n') !== findings) return
    this.#disagreements++
    observer.onDisagreement?.({ family, operations, findings: left })
  }

  /** What is taken into account from here on is no longer pending. */
  #takePending(): Pick<ApplyTimings, 'received' | 'tableChanged'> {
    const received = this.#received
    const tableChanged = this.#tableChanged
    this.#unappliedSince ??= this.#pendingSince
    this.#pending = false
    this.#pendingSince = undefined
    this.#received = undefined
    this.#tableChanged = undefined
    return {
      ...(received === undefined ? {} : { received }),
      ...(tableChanged === undefined ? {} : { tableChanged }),
    }
  }

  /** The kernel holds what the table said when it was last drained. */
  #isInSync(now: number): void {
    this.#unappliedSince = undefined
    this.#inSyncAt = now
  }

  #drain(): Touched {
    const touched = this.#options.live.drain()
    this.#flowCleanup.suspect(touched.flows)
    if (this.#triggerTimes.length === 0) this.#triggerTimes = touched.triggerTimes
    else this.#triggerTimes = [...this.#triggerTimes, ...touched.triggerTimes].slice(0, maxTriggerTimes)
    return touched
  }

  #tellUnchanged(): void {
    const { family, observer, timing } = this.#options
    this.#triggerTimes = []
    this.#isInSync(timing.now())
    observer.onUnchanged?.(family)
  }

  #report(
    why: ApplyReason,
    change: TableChange | undefined,
    report: ApplyResult,
    timings: Omit<Applied['timings'], 'applied'>,
  ): void {
    const { family, live, observer, timing } = this.#options
    const applied: Applied = {
      family,
      why,
      table: live.table,
      routes: change?.routes ?? [],
      setElements: change === undefined ? 0 : setElements(change),
      report,
      timings: { ...timings, applied: timing.now() },
      triggerTimes: this.#triggerTimes,
      totalRoutes: live.table.routes.size,
    }
    this.#triggerTimes = []
    observer.onApplied?.(applied)
  }
}

function setElements(change: TableChange): number {
  let count = 0
  for (const name of tableSets) count += change[name].added.length + change[name].removed.length
  return count
}
