import type { Predecessor } from './predecessors.ts'

/** A predecessor, as `/healthz` and `/status` have it. */
export interface StandingProblem {
  readonly problem: 'predecessor-found' | 'predecessor-drains' | 'predecessor-not-removed'
  readonly dataplane: string
  readonly connections?: number
}

/** What becomes of a predecessor. */
export interface Standing {
  readonly predecessor: Predecessor
  state: StandingProblem['problem']
  connections: number
  /** When it is no longer drained, in the clock's milliseconds; absent: it hasn't begun. */
  drainEnd?: number
  /** Whether nothing is to be drained any more. */
  isDrained: boolean
  /** Whether packets that it accepts have been seen to pass without it, as far as can be told. */
  isForwarded: boolean
  /** Whether this dataplane can't take over from it, whatever happens. */
  isKept: boolean
}

export function found(predecessor: Predecessor): Standing {
  return {
    ...{ predecessor, state: 'predecessor-found', connections: 0 },
    ...{ isDrained: false, isForwarded: false, isKept: false },
  }
}
