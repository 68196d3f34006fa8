import { type BackoffLimits, backoff } from '../time/backoff.ts'
import type { Timing } from './timing.ts'

/** An audit may read all that the kernel holds; audits take this part of a CPU's time at most. */
const share = 0.01

/** What audits may save up of that, in milliseconds: on a quiet node two changes by other tools are repaired at once. */
const maxCredit = 3000

/** One that has found drift counts for this part of what it took: a repair is what audits are there for. */
const partOfRepair = 0.1

/**
 * However dear audits are, the next one comes after so long, in milliseconds, as kube-proxy writes everything anew every
 * `syncPeriod`; and where the last took more than a tenth of it, after ten times that.
 */
const maxWait = 30_000
const maxWaitInCosts = 10

/** How long audits of a family rest whose dataplane doesn't read back what it writes. */
const disagreementLimits: BackoffLimits = { retryMinMs: 10_000, retryMaxMs: 600_000 }

/**
 * When one family's next audit comes: what audits take is earned by the time between them. All in milliseconds.
 *
 * What counts is CPU time. On a node that is busy with other things an audit takes long without doing much, and there
 * drift has to be repaired no later than elsewhere.
 */
export class AuditPace {
  readonly #period: number
  readonly #timing: Timing
  /** How long audits may take until they have to wait; below 0: what they have overdrawn. */
  #credit = maxCredit
  /** When the last one began, by the clock and in CPU time. */
  #last = { at: Number.NEGATIVE_INFINITY, cpu: 0 }
  /** Drift was suspected since then. */
  #suspected = false
  /** The last one has found some. */
  #drifted = false
  /** What the last audit found, and then repaired; empty: it found nothing. */
  #findings = ''
  /** Repairs in a row after which the dataplane still read back something else than it had written. */
  #disagreements = 0

  /** @param period between two audits; 0: there are none */
  constructor(period: number, timing: Timing) {
    this.#period = period
    this.#timing = timing
  }

  /** Until the first. */
  get period(): number {
    return this.#period
  }

  began(): void {
    const now = this.#timing.now()
    this.#credit = Math.min(maxCredit, this.#credit + (now - this.#last.at) * share)
    this.#last = { at: now, cpu: this.#timing.cpu() }
    this.#suspected = false
    this.#drifted = false
  }

  /** @returns how long until the next */
  ended(): number {
    const cost = this.#cost()
    const longest = Math.max(maxWait, cost * maxWaitInCosts)
    const charged = this.#drifted ? cost * partOfRepair : cost
    this.#credit = Math.max(-longest * share, this.#credit - charged)
    const rest =
      this.#disagreements === 0 ? 0 : backoff(this.#disagreements, disagreementLimits, this.#timing.random)
    return Math.max(this.#suspected ? 0 : this.#period, rest, -this.#credit / share)
  }

  /** @returns how long until the next may come; `undefined`: not earlier than it does */
  suspect(): number | undefined {
    this.#suspected = true
    if (this.#disagreements > 0) return undefined
    return Math.max(0, -(this.#credit + (this.#timing.now() - this.#last.at) * share) / share)
  }

  /** The kernel, as it was read, has what it should. */
  agreed(): void {
    this.#findings = ''
    this.#disagreements = 0
  }

  /** @returns whether the same was repaired the last time */
  repaired(findings: string): boolean {
    const again = findings === this.#findings
    this.#findings = findings
    this.#drifted = true
    return again
  }

  /** What was repaired reads as before. */
  disagreed(): void {
    this.#disagreements++
  }

  /** Of the last one. Threads that work for something else meanwhile count, but no more than the time that has passed. */
  #cost(): number {
    return Math.min(this.#timing.now() - this.#last.at, this.#timing.cpu() - this.#last.cpu)
  }
}
