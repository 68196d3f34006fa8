import { type BackoffLimits, backoff } from '../time/backoff.ts'

/** An audit may read all that the kernel holds; audits take this part of the time at most. */
const share = 0.01

/** What audits may save up of that, in milliseconds: on a quiet node two changes by other tools are repaired at once. */
const maxCredit = 3000

/** How long audits of a family rest whose dataplane doesn't read back what it writes. */
const disagreementLimits: BackoffLimits = { retryMinMs: 10_000, retryMaxMs: 600_000 }

/** When one family's next audit comes: what audits take is earned by the time between them. All in milliseconds. */
export class AuditPace {
  readonly #period: number
  readonly #random: () => number
  /** How long audits may take until they have to wait; below 0: what they have overdrawn. */
  #credit = maxCredit
  /** When the last one began. */
  #last = Number.NEGATIVE_INFINITY
  /** Drift was suspected since then. */
  #suspected = false
  /** What the last audit found, and then repaired; empty: it found nothing. */
  #findings = ''
  /** Repairs in a row after which the dataplane still read back something else than it had written. */
  #disagreements = 0

  /** @param period between two audits; 0: there are none */
  constructor(period: number, random: () => number) {
    this.#period = period
    this.#random = random
  }

  /** Until the first. */
  get period(): number {
    return this.#period
  }

  began(now: number): void {
    this.#credit = Math.min(maxCredit, this.#credit + (now - this.#last) * share)
    this.#last = now
    this.#suspected = false
  }

  /** @returns how long until the next */
  ended(now: number): number {
    this.#credit -= now - this.#last
    const rest =
      this.#disagreements === 0 ? 0 : backoff(this.#disagreements, disagreementLimits, this.#random)
    return Math.max(this.#suspected ? 0 : this.#period, rest, -this.#credit / share)
  }

  /** @returns how long until the next may come; `undefined`: not earlier than it does */
  suspect(now: number): number | undefined {
    this.#suspected = true
    if (this.#disagreements > 0) return undefined
    return Math.max(0, -(this.#credit + (now - this.#last) * share) / share)
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
    return again
  }

  /** What was repaired reads as before. */
  disagreed(): void {
    this.#disagreements++
  }
}
