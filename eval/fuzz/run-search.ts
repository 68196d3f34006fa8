import { fileURLToPath } from 'node:url'
import type { Found, SearchResult } from '@portolan/conformance/fuzz'
import { EvaluationError } from '../evaluation-error.ts'
import { superviseProcess } from '../process/supervised-process.ts'
import type { Order, Report, TestedModule } from './messages.ts'
import { displayFuzz } from './progress.ts'

/** Milliseconds in which a search that is interrupted takes its virtual nodes down. */
const endMs = 60_000

const program = fileURLToPath(new URL('./fuzz-process.ts', import.meta.url))

type Seen = Pick<Found, 'path' | 'wrong'>

/** What the process of a search has told until it ended. */
export interface Told {
  /** The last round that had begun. */
  readonly path: string
  readonly result?: SearchResult
  readonly subject?: TestedModule
  /** What was being made short when it ended. */
  readonly seen?: Seen
  /** Why there is no result. */
  readonly why: string | undefined
  readonly isInterrupted: boolean
}

/**
 * Searches in a process of its own, and shows how far it is. Ctrl-C ends it.
 *
 * @param until when the search ends, by `performance.now()`; absent: when all is tried
 * @throws EvaluationError where the dataplane can't be loaded
 */
export async function runSearch(order: Order, until?: number): Promise<Told> {
  const shown = displayFuzz(process.stderr, order.dataplane, until)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  let path = ''
  let seen: Seen | undefined
  let ended: Extract<Report, { kind: 'result' | 'not loaded' }> | undefined
  const why = await superviseProcess<Order, Report>({
    program,
    order,
    callMs: order.callMs,
    signal: interrupted.signal,
    endMs,
    isDone: () => ended !== undefined,
    onReport(report) {
      if (report.kind === 'round') {
        path = report.path
        seen = undefined
        shown.round(report.path, report.done)
      } else if (report.kind === 'found') {
        seen = report
        shown.found(report.path, report.wrong)
      } else ended = report
    },
  })
  shown.end()
  if (ended?.kind === 'not loaded') throw new EvaluationError(ended.why, 'see the message', 1)
  const isInterrupted = interrupted.signal.aborted
  if (ended === undefined) return { path, why, isInterrupted, ...(seen === undefined ? {} : { seen }) }
  const { result, subject } = ended
  return { path, result, subject, why, isInterrupted }
}
