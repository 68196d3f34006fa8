import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sweepDeadLabs } from '@portolan/lab'
import type { Evaluation, Watcher } from '../evaluate.ts'
import { type Card, type Part, type PartName, partNames, unasked } from '../scorecard.ts'
import type { Report } from './messages.ts'

/** Told of what happens in another process: nothing there waits for it. */
export interface Onlooker extends Omit<Watcher, 'kept'> {
  /** A node is kept until the evaluation is ended. */
  kept(scenario: string, networkNamespace: string): void
}

export interface RunOptions {
  /** Ends the evaluation, and gives back a node that is kept. */
  readonly signal?: AbortSignal
}

/** Milliseconds until a process has loaded all that it evaluates with, however busy the machine. */
const startMs = 120_000

/** Milliseconds that what a process has said may be on its way after its end. */
const lastWordsMs = 10_000

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
  // It says every second that it is alive, and a busy machine may keep it from that for a while.
  const silenceMs = 4 * evaluation.callMs
  const child = fork(program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const printed = lastLines(child)
  const ended = new Progress(evaluation, watcher)
  const closed = once(child, 'close')
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: NodeJS.Signals | null]>
  let silence: NodeJS.Timeout | undefined
  let isSilent = false
  const listen = (milliseconds: number): void => {
    clearTimeout(silence)
    silence = setTimeout(() => {
      isSilent = true
      child.kill('SIGKILL')
    }, milliseconds)
  }
  const abort = (): void => void child.kill('SIGTERM')
  signal?.addEventListener('abort', abort)
  child.on('message', (report: Report) => {
    listen(silenceMs)
    ended.take(report)
  })
  listen(Math.max(silenceMs, startMs))
  child.send(evaluation)
  const [code, killedBy] = await exited
  // Its card and its last words come by other ways, but what it has started may hold these open for ever.
  await Promise.race([closed, sleep(lastWordsMs, undefined, { ref: false })])
  clearTimeout(silence)
  signal?.removeEventListener('abort', abort)
  if (ended.card !== undefined) return ended.card
  await sweepDeadLabs()
  const why = signal?.aborted
    ? 'it was interrupted'
    : isSilent
      ? `something has held the event loop for ${silenceMs / 1000} s and never returned: look for a loop without an end, or a call that waits without await`
      : `the process has ended (${killedBy ?? `exit code ${code}`}): ${printed() || 'it printed nothing'}`
  return ended.brokenOff(why)
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
      case 'alive':
        break
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

/** The end of what a process prints, without the stack of a crash that is none of the dataplane's. */
function lastLines(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = `${text}${more}`.slice(-4000)
  })
  return () =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^Node\.js v|node:internal|^\s+at .*node_modules/.test(line))
      .slice(-8)
      .join('\n')
}
