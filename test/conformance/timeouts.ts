/**
 * How long the kit waits for what: every duration that it has. All are milliseconds unless the name says seconds, and
 * but `forgotten` grow with one number, the slowness of the machine: 1 for one that runs programs itself, more for one
 * that is translated (QEMU without KVM).
 */
export interface Timeouts {
  readonly slowness: number
  /**
   * A time in which every answer arrives, however busy the machine, a lost first SYN's second one (after 1 s) included.
   * Only spent when one is missing.
   */
  readonly answerMs: number
  /** The same for a datagram in a row of many, which isn't sent again. */
  readonly datagramMs: number
  /** For how long a Service may be out of reach while something changes: first packets are lost, one after the other. */
  readonly outageMs: number
  /** How long silence must last to count as such. */
  readonly silenceMs: number
  /** Between two changes: long enough for connections to fall into each state. */
  readonly betweenChangesMs: number
  /** For any one call of the dataplane, and for what happens beside its applies. */
  readonly callMs: number
  /** For one scenario; none takes a tenth of it. */
  readonly scenarioMs: number
  /** For all of the kit. */
  readonly suiteMs: number
  /** The core's for a dataplane's calls, as this machine keeps them. */
  readonly deadlines: Readonly<Record<'work' | 'start' | 'look' | 'stop', number>>
  /** While a process runs on undisturbed, and while none runs. */
  readonly processRunsMs: number
  readonly processIsAwayMs: number
  /** After a process is ready it is killed: anywhere within an apply. */
  readonly killAfterMs: readonly number[]
  /** A timeout of session affinity, and a pause after which it has ended. */
  readonly forgotten: { readonly affinitySeconds: number; readonly pauseMs: number }
  /** A timeout of session affinity, a pause well within it, and as many of them as are longer than it. */
  readonly renewed: { readonly affinitySeconds: number; readonly pauseMs: number; readonly pauses: number }
  /**
   * Between the starts of two connections of a client that connects all the time. It grows with the square: a wait has
   * time to spare, but each connection costs a translated machine twenty times as much, and thirty clients would keep it
   * from all else.
   */
  readonly connectEveryMs: Readonly<Record<Pace, number>>
}

/** `dense` for what may go wrong for a moment only. */
export type Pace = 'steady' | 'dense'

export function timeoutsOf(slowness = 1): Timeouts {
  if (!(slowness >= 1 && slowness <= 1000))
    throw new RangeError(`conformance: slowness is ${slowness}, and must be a number from 1 to 1000`)
  const slow = (milliseconds: number) => Math.round(milliseconds * slowness)
  return {
    slowness,
    answerMs: slow(5000),
    datagramMs: slow(2500),
    outageMs: slow(500),
    silenceMs: slow(300),
    callMs: slow(30_000),
    scenarioMs: slow(600_000),
    suiteMs: slow(1_800_000),
    deadlines: { work: slow(300_000), start: slow(30_000), look: slow(3000), stop: slow(5000) },
    betweenChangesMs: slow(40),
    processRunsMs: slow(50),
    processIsAwayMs: slow(100),
    killAfterMs: [3, 17, 31, 64, 90].map(slow),
    // Dataplanes count whole seconds, some of them by a clock that ticks once a second.
    forgotten: { affinitySeconds: 1, pauseMs: 2500 },
    renewed: { affinitySeconds: Math.ceil(6 * slowness), pauseMs: slow(1000), pauses: 8 },
    connectEveryMs: { steady: slow(slow(10)), dense: slow(slow(4)) },
  }
}
