import type { Touched } from '../table/touched.ts'
import type { ApplyTimings } from './observer.ts'
import type { SyncProgress } from './progress.ts'

/** Trigger times that are kept while applies fail: enough for a latency histogram, however long that lasts. */
const maxTriggerTimes = 10_000

/** What has been told of one family's table, and since when the kernel hasn't got it. Times by `Timing.now()`. */
export class PendingEvents {
  #isPending = false
  /** The start has come: until then nothing is late. */
  #isLate = false
  /** When the oldest pending event arrived. */
  #received: number | undefined
  /** When the table was told of it. */
  #tableChanged: number | undefined
  /** When the last event was told. */
  #notifiedAt: number | undefined
  /** When the oldest pending event was told, or the start; from the start on. */
  #pendingSince: number | undefined
  /** The same of what was taken up since, and isn't known to be in the kernel. */
  #unappliedSince: number | undefined
  /** When the kernel last held what the table said. */
  #inSyncAt: number | undefined
  /** Of all events that no successful apply has covered yet. */
  #triggerTimes: readonly number[] = []

  /** Something in the table may differ from what was applied. */
  get isPending(): boolean {
    return this.#isPending
  }

  /** From now on the kernel is expected to follow; all of the table is pending. */
  start(now: number): void {
    this.#isLate = true
    this.#isPending = true
    this.#pendingSince = now
  }

  /**
   * The table may have changed.
   *
   * @param received when the event's first byte arrived
   * @returns whether this event is the first since what was pending was last taken
   */
  told(received: number | undefined, now: number): boolean {
    this.#notifiedAt = now
    if (this.#isPending) return false
    this.#isPending = true
    this.#received = received
    this.#tableChanged = now
    if (this.#isLate) this.#pendingSince = now
    return true
  }

  /** What is taken into account from here on is no longer pending. */
  take(): Pick<ApplyTimings, 'received' | 'tableChanged'> {
    const received = this.#received
    const tableChanged = this.#tableChanged
    this.#unappliedSince ??= this.#pendingSince
    this.#isPending = false
    this.#pendingSince = undefined
    this.#received = undefined
    this.#tableChanged = undefined
    return {
      ...(received === undefined ? {} : { received }),
      ...(tableChanged === undefined ? {} : { tableChanged }),
    }
  }

  /** What was taken has been worked out. */
  drained({ triggerTimes }: Touched): void {
    if (this.#triggerTimes.length === 0) this.#triggerTimes = triggerTimes
    else this.#triggerTimes = [...this.#triggerTimes, ...triggerTimes].slice(0, maxTriggerTimes)
  }

  /** Of what has been drained since they were last asked for. */
  takeTriggerTimes(): readonly number[] {
    const taken = this.#triggerTimes
    this.#triggerTimes = []
    return taken
  }

  /** The kernel holds what the table said when it was last drained. */
  inSync(now: number): void {
    this.#unappliedSince = undefined
    this.#inSyncAt = now
  }

  /** The kernel may not hold what the table says, whatever was told. */
  inDoubt(now: number): void {
    this.#unappliedSince ??= now
  }

  get progress(): Omit<SyncProgress, 'failure'> {
    const unappliedSince = this.#unappliedSince ?? this.#pendingSince
    return {
      ...(this.#notifiedAt === undefined ? {} : { notifiedAt: this.#notifiedAt }),
      ...(this.#inSyncAt === undefined ? {} : { inSyncAt: this.#inSyncAt }),
      ...(unappliedSince === undefined ? {} : { unappliedSince }),
    }
  }
}
