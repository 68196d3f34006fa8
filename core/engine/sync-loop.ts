import type { ApplyResult, Dataplane } from '../dataplane/contract.ts'
import type { IpFamily } from '../network/address.ts'
import { AppliedTable, isEmptyChange, type Touched } from '../table/diff.ts'
import { tableSets } from '../table/routing-table.ts'
import type { TableChange } from '../table/table-change.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import { adoptObserved } from './adopt.ts'
import { AuditPace } from './audit-pace.ts'
import { FlowCleanup } from './flow-cleanup.ts'
import type { LiveTable } from './live-table.ts'
import type { Applied, ApplyReason, EngineObserver } from './observer.ts'
import { PendingEvents } from './pending-events.ts'
import type { SyncProgress } from './progress.ts'
import { SpareTurn } from './spare-turn.ts'
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
  /** Whether the first apply counts only when what the kernel then holds has been read back and is right. Default: no. */
  readonly verifiesFirst?: boolean
  /** As `observers` makes it: what it throws is its own loss. */
  readonly observer: EngineObserver
}

/** How long a failed apply waits for the next attempt. */
const retryLimits: BackoffLimits = { retryMinMs: 100, retryMaxMs: 30_000 }

/** Time between two upkeeps of a dataplane, in milliseconds. */
const upkeepPeriod = 5000

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
  readonly #events = new PendingEvents()
  readonly #auditPace: AuditPace
  /** Why the last turn failed; absent: it didn't. */
  #error: unknown
  /** A dataplane call is under way. */
  #busy = false
  /** A run is due: soon, after minSyncPeriod, or after a back-off. */
  #scheduled = false
  /** A run is due when minSyncPeriod has passed; until then there is time for an upkeep. */
  #inMinSyncPeriod = false
  readonly #upkeepTurn: SpareTurn
  readonly #auditTurn: SpareTurn
  #cancelTimer: (() => void) | undefined
  /** Who waits for a comparison of everything. */
  #verification: PromiseWithResolvers<readonly string[]> | undefined
  /** Why the kernel must be observed before the next apply; absent: it holds what was last applied. */
  #doubt: 'start' | 'retry' | undefined = 'start'
  #failures = 0
  #isVerified = false
  /** When the last apply ended. */
  #ended = Number.NEGATIVE_INFINITY
  #current: Promise<void> = Promise.resolve()

  constructor(options: SyncLoopOptions) {
    this.#options = options
    this.#applied = new AppliedTable(options.live.table)
    this.#auditPace = new AuditPace(options.auditPeriod, options.timing)
    const { family, live, dataplane, timing, observer } = options
    this.#flowCleanup = new FlowCleanup({
      family,
      live,
      dataplane,
      timing,
      onForgotten: (forgotten) => observer.onFlowsForgotten?.(forgotten),
      onFailed: (failed) => observer.onFlowsFailed?.(failed),
    })
    this.#upkeepTurn = new SpareTurn({
      timing,
      isFree: () => this.#isQuiet || (this.#inMinSyncPeriod && !this.#busy && this.#doubt === undefined),
      take: () => this.#keepUp(),
    })
    this.#auditTurn = new SpareTurn({ timing, isFree: () => this.#isQuiet, take: () => this.#beginAudit() })
    const first = Promise.withResolvers<void>()
    this.firstApplied = first.promise
    this.#resolveFirst = first.resolve
  }

  /** Begins with what the kernel holds. To be called once the table is complete: a partial one is never applied. */
  start(): void {
    if (this.#started || this.#stopped) return
    this.#started = true
    this.#events.start(this.#options.timing.now())
    this.#wake()
    this.#awaitAudit(this.#auditPace.period)
    this.#awaitUpkeep()
  }

  /** The table may have changed. `received`: when the event's first byte arrived, by `Timing.now()`. */
  notify(received?: number): void {
    const { family, observer, timing } = this.#options
    if (this.#events.told(received, timing.now())) observer.onPending?.(family)
    this.#wake()
  }

  get progress(): SyncProgress {
    return {
      ...this.#events.progress,
      ...(this.#failures === 0 ? {} : { failure: { error: this.#error, inARow: this.#failures } }),
    }
  }

  /** Has the kernel compared as soon as audits have earned the time for it. */
  suspectDrift(): void {
    // Also while an audit is under way: it may have looked too early.
    const wait = this.#auditPace.suspect()
    if (wait !== undefined && this.#auditTurn.isAwaited) this.#awaitAudit(wait)
  }

  /**
   * Compares all that the kernel holds with the table, whatever a quick look would say, once nothing else is due; and repairs
   * what differs, as an audit does.
   *
   * @returns what differed; empty: the kernel holds what the table says. Never, if stopped before
   */
  verify(): Promise<readonly string[]> {
    this.#verification ??= Promise.withResolvers<readonly string[]>()
    const { promise } = this.#verification
    this.#auditTurn.ask()
    return promise
  }

  /** Ends after the apply that is under way. The rules stay. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#auditTurn.cancel()
    this.#upkeepTurn.cancel()
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
        if (this.#upkeepTurn.isOverdue && !this.#stopped) this.#upkeepTurn.take()
        else if (this.#auditTurn.isOverdue && !this.#stopped) this.#auditTurn.take()
        else if (this.#events.isPending) this.#wake()
        this.#flowCleanup.applied()
      },
      (error: unknown) => {
        this.#doubt ??= 'retry'
        this.#failures++
        this.#error = error
        this.#busy = false
        const { family, observer, timing } = this.#options
        const now = timing.now()
        this.#events.inDoubt(now)
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
    this.#events.inSync(this.#ended)
    this.#applied.advance(change)
  }

  /** The hot path: one endpoint's change passes here and through nothing else that waits. */
  async #applyChange(): Promise<void> {
    const { dataplane, live, observer, timing } = this.#options
    const measured = observer.onApplied !== undefined
    const begun = measured ? timing.now() : 0
    const received = this.#events.take()
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
    else this.#events.takeTriggerTimes()
  }

  async #reconcile(why: 'start' | 'retry'): Promise<void> {
    const { dataplane, family, live, timing } = this.#options
    const begun = timing.now()
    const observed = await dataplane.observe(family)
    if (this.#stopped) return
    // From here to the apply nothing waits, so the change and the program speak of the same table.
    const received = this.#events.take()
    if (why === 'start') adoptObserved(dataplane, observed, live, () => this.#drain())
    else this.#drain()
    const change = this.#applied.fullDifference(live.table)
    const computed = timing.now()
    const program = dataplane.reconcile(observed, live.table)
    const compiled = timing.now()
    const report = await dataplane.apply(program)
    await this.#verifyFirst()
    this.#advance(change)
    this.#doubt = undefined
    this.#report(why, change, report, { ...received, begun, computed, compiled })
    this.#resolveFirst()
  }

  /** @throws where the kernel doesn't hold what has just been written: then it is written again, after a while */
  async #verifyFirst(): Promise<void> {
    const { dataplane, family, live, verifiesFirst = false } = this.#options
    if (!verifiesFirst || this.#isVerified) return
    const observed = await dataplane.observe(family)
    const { operations, findings } = dataplane.reconcile(observed, live.table)
    if (operations > 0)
      throw new Error(
        `the kernel doesn't hold what was written for ${family}: ${findings.slice(0, 5).join('; ')}`,
      )
    this.#isVerified = true
  }

  #awaitAudit(period: number): void {
    if (this.#options.auditPeriod > 0 && !this.#stopped) this.#auditTurn.await(period)
  }

  #beginAudit(): void {
    this.#busy = true
    const verification = this.#verification
    this.#verification = undefined
    this.#follow('repair', async () => {
      try {
        const findings = await this.#audit(verification !== undefined)
        if (findings !== undefined) verification?.resolve(findings)
      } catch (error) {
        verification?.reject(error)
        throw error
      }
    })
  }

  #awaitUpkeep(): void {
    if (this.#options.dataplane.upkeep !== undefined && !this.#stopped) this.#upkeepTurn.await(upkeepPeriod)
  }

  #keepUp(): void {
    const { dataplane, family } = this.#options
    this.#busy = true
    const upkeep = async () => dataplane.upkeep?.(family)
    this.#follow('repair', () => upkeep().finally(() => this.#awaitUpkeep()))
  }

  /** Nothing of this family is under way or due. */
  get #isQuiet(): boolean {
    return !this.#busy && !this.#events.isPending && !this.#scheduled && this.#doubt === undefined
  }

  /**
   * Compares the kernel with the table and repairs what differs. What comes meanwhile is applied with it.
   *
   * @param whole whatever a quick look would say
   * @returns what differed; `undefined`: it was stopped
   */
  async #audit(whole: boolean): Promise<readonly string[] | undefined> {
    const { dataplane, family, live, observer, timing } = this.#options
    const begun = timing.now()
    this.#auditPace.began()
    try {
      if (!whole && (await dataplane.isUnchanged(family))) return []
      const observed = await dataplane.observe(family)
      if (this.#stopped) return undefined
      const wasPending = this.#events.isPending
      const received = this.#events.take()
      const change = this.#applied.difference(live.table, this.#drain())
      const computed = timing.now()
      const program = dataplane.reconcile(observed, live.table)
      const { operations } = program
      const changed = !isEmptyChange(change)
      if (operations === 0 && !changed) {
        this.#auditPace.agreed()
        if (wasPending) this.#tellUnchanged()
        return []
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
      return drifted && findings.length === 0 ? [`${operations} operations`] : findings
    } finally {
      this.#awaitAudit(this.#auditPace.ended())
    }
  }

  /**
   * A repair that had to be made twice in a row is looked at once more, right after it. If the same still differs it is
   * no other tool's work: the dataplane doesn't read back what it writes.
   */
  async #doubtRepair(findings: string): Promise<void> {
    if (!this.#auditPace.repaired(findings)) return
    const { dataplane, family, live, observer } = this.#options
    const observed = await dataplane.observe(family)
    if (this.#stopped || this.#events.isPending) return
    const { operations, findings: left } = dataplane.reconcile(observed, live.table)
    if (operations === 0 || left.join('\n') !== findings) return
    this.#auditPace.disagreed()
    observer.onDisagreement?.({ family, operations, findings: left })
  }

  #drain(): Touched {
    const touched = this.#options.live.drain()
    this.#flowCleanup.suspect(touched.flows)
    this.#events.drained(touched)
    return touched
  }

  #tellUnchanged(): void {
    const { family, observer, timing } = this.#options
    this.#events.takeTriggerTimes()
    this.#events.inSync(timing.now())
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
      triggerTimes: this.#events.takeTriggerTimes(),
      totalRoutes: live.table.routes.size,
    }
    observer.onApplied?.(applied)
  }
}

function setElements(change: TableChange): number {
  let count = 0
  for (const name of tableSets) count += change[name].added.length + change[name].removed.length
  return count
}
