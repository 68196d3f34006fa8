import type { Amounts } from '@portolan/conformance/fuzz'
import { liveLine, type Terminal } from '../command/live-line.ts'

export interface FuzzDisplay {
  round(path: string, done: Amounts): void
  found(path: string, wrong: string): void
  end(): void
}

/** @param until when the search ends, by `performance.now()`; absent: when all is tried */
export function displayFuzz(terminal: Terminal, dataplane: string, until?: number): FuzzDisplay {
  const line = liveLine(terminal)
  return {
    round(path, done) {
      const left = until === undefined ? 0 : Math.max(0, Math.round((until - performance.now()) / 1000))
      line.show(`${dataplane}: ${path}; ${amountsText(done)}${until === undefined ? '' : `; ${left} s left`}`)
    },
    found(path, wrong) {
      const [first = ''] = wrong.split('\n')
      line.say(`${dataplane}: ✘ ${path}: ${first}`)
      line.show(`${dataplane}: looking for the shortest way to it`)
    },
    end: () => line.end(),
  }
}

export function amountsText({ rounds, sequences, probes, conversations }: Amounts): string {
  const all = rounds.convergence + rounds.packets + rounds.conversations
  return `${all} rounds, ${sequences} histories, ${probes} probes, ${conversations} conversations`
}
