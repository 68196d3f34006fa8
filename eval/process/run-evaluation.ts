import { fileURLToPath } from 'node:url'
import type { Evaluation, Watcher } from '../evaluate.ts'
import { type Card, type Part, type PartName, partNames, unasked } from '../scorecard.ts'
import type { Order, Report } from './messages.ts'
import { superviseProcess } from './supervised-process.ts'

/** Told of what happens in another process: nothing there waits for it. */
export interface Onlooker extends Omit<Watcher, 'kept'> {
  /** A node is kept until the evaluation is ended. */
  kept(scenario: string, networkNamespace: string): void
}

export interface RunOptions {
  /** Ends the evaluation, and gives back a node that is kept. */
  readonly signal?: AbortSignal
}

const program = fileURLToPath(new URL('./evaluation-process.ts', import.meta.url))

/**
 * Evaluates a dataplane in a process of its own. One that holds the event loop, or ends the process, is told by what was
 * being asked; what its process has left of virtual nodes is removed.
 */
export async function runEvaluation(
  evaluation: Evaluation,
  watcher: Onlooker,
  { signal }: RunOptions = {},
): Promise<Card> {
  const progress = new Progress(evaluation, watcher)
  const why = await superviseProcess<Order, Report>({
    program,
    order: evaluation,
    callMs: evaluation.callMs,
    onReport: (report) => progress.take(report),
    isDone: () => progress.card !== undefined,
    ...(signal === undefined ? {} : { signal }),
  })
  return progress.card ?? progress.brokenOff(why ?? '')
}

/** What is known of a card while it is made. */
class Progress {
  card: Card | undefined
  readonly #evaluation: Evaluation
  readonly #watcher: Onlooker
  readonly #parts: Part[] = []
  #step: { readonly part: PartName; readonly what: string } = { part: 'shape', what: 'it can be loaded' }

  constructor(evaluation: Evaluation, watcher: Onlooker) {
    this.#evaluation = evaluation
    this.#watcher = watcher
  }

  take(report: Report): void {
    switch (report.kind) {
      case 'step':
        this.#step = report
        this.#watcher.step(report.part, report.what)
        break
      case 'part':
        this.#parts.push(report.part)
        this.#watcher.part(report.part)
        break
      case 'kept':
        this.#watcher.kept(report.scenario, report.networkNamespace)
        break
      case 'objects':
        this.#watcher.objects(report.scenario, report.objects)
        break
      case 'card':
        this.card = report.card
    }
  }

  brokenOff(why: string): Card {
    const { dataplane, parts: asked } = this.#evaluation
    const { part: name, what } = this.#step
    const check = { name: what, outcome: 'failed', detail: why } as const
    const last: Part = { name, outcome: 'failed', checks: [check], advice: [], seconds: 0 }
    this.#watcher.part(last)
    const known = [...this.#parts.filter((part) => part.name !== name), last]
    const parts = partNames.map(
      (one) =>
        known.find((part) => part.name === one) ??
        unasked(one, asked.includes(one) ? 'not reached' : 'left out'),
    )
    return { dataplane, parts }
  }
}
