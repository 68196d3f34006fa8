import type { Applied, Drift, EngineObserver } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'

/** One time that the kernel didn't hold what was written to it. Times as in RFC 3339. */
export interface DriftEntry {
  readonly family: IpFamily
  readonly found: string
  /** `null`: not yet. */
  readonly repaired: string | null
  /** Whether the dataplane read back something other than it had just written: no other tool's doing then. */
  readonly disagreement: boolean
  /** Kernel operations that the repair takes. */
  readonly operations: number
  /** What differed, a line for each object of the mechanism; the first of them. */
  readonly findings: readonly string[]
  readonly furtherFindings: number
}

const keptEntries = 50
const keptFindings = 100

/** Remembers the last findings of the audits, so that they can be asked for. Bounded, whatever others do to the kernel. */
export class DriftLog implements EngineObserver {
  /** The newest first. */
  #entries: readonly DriftEntry[] = []
  readonly #wallClock: () => number

  /** @param wallClock milliseconds since the epoch */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock
  }

  /** The newest first. */
  get entries(): readonly DriftEntry[] {
    return this.#entries
  }

  onDrift(drift: Drift): void {
    this.#remember(drift, false)
  }

  onDisagreement(drift: Drift): void {
    this.#remember(drift, true)
  }

  onApplied({ family, why }: Applied): void {
    if (why === 'change') return
    const repaired = this.#now()
    this.#entries = this.#entries.map((entry) =>
      entry.family === family && entry.repaired === null && !entry.disagreement
        ? { ...entry, repaired }
        : entry,
    )
  }

  #remember({ family, operations, findings }: Drift, disagreement: boolean): void {
    const entry: DriftEntry = {
      family,
      found: this.#now(),
      repaired: null,
      disagreement,
      operations,
      findings: findings.slice(0, keptFindings),
      furtherFindings: Math.max(0, findings.length - keptFindings),
    }
    this.#entries = [entry, ...this.#entries].slice(0, keptEntries)
  }

  #now(): string {
    return new Date(this.#wallClock()).toISOString()
  }
}
