import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkWritable } from '@portolan/bench'
import { type Found, type PhaseName, phases, type SearchResult } from '@portolan/conformance/fuzz'
import { EvaluationError } from '../evaluation-error.ts'
import { superviseProcess } from '../process/supervised-process.ts'
import { standardMinutes } from './command.ts'
import { commandLine } from './command-line.ts'
import type { Order, Report, TestedModule } from './messages.ts'
import { amountsText, displayFuzz } from './progress.ts'
import { testText } from './reproduction.ts'

export interface FuzzFlags {
  readonly seed?: number
  /** Absent: the usual ones, or, with `rounds` or `path`, as long as these take. */
  readonly minutes?: number
  readonly rounds?: number
  readonly only?: readonly PhaseName[]
  readonly path?: string
  readonly underTest?: string
  /** Seconds. */
  readonly deadline: number
  readonly shrink: number
  readonly test?: string
  readonly json?: string
}

/** Raised whenever a reader of the one before would misread it. */
const schemaVersion = 1

/** Milliseconds in which a search that is interrupted takes its virtual nodes down. */
const endMs = 60_000

const program = fileURLToPath(new URL('./fuzz-process.ts', import.meta.url))

/**
 * Searches a dataplane for faults, and prints the first as a test. Sets the exit code 1 where there is one, and where the
 * search didn't come to its end.
 *
 * @throws EvaluationError, and BenchError for a file that can't be written, before anything is tried
 */
export async function fuzz(dataplane: string, flags: FuzzFlags): Promise<void> {
  const { path, rounds, json, test: testFile } = flags
  if (process.getuid?.() !== 0)
    throw new EvaluationError('a search makes network namespaces, which needs root', 'run it with sudo', 1)
  if (path !== undefined && flags.seed === undefined)
    throw new EvaluationError(
      '--path is of one seed, and there is no --seed',
      'give both, as they were printed',
    )
  for (const file of [json, testFile]) if (file !== undefined) await checkWritable(file)
  const isEndless = rounds !== undefined || path !== undefined
  const minutes = flags.minutes ?? (isEndless ? Number.POSITIVE_INFINITY : standardMinutes)
  const seed = flags.seed ?? Math.floor(Math.random() * 1_000_000)
  const order: Order = {
    dataplane,
    seed,
    phases: flags.only ?? (Object.keys(phases) as PhaseName[]),
    searchMs: minutes * 60_000,
    shrinkMs: flags.shrink * 1000,
    callMs: flags.deadline * 1000,
    ...(path === undefined ? {} : { path }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(flags.underTest === undefined ? {} : { underTest: flags.underTest }),
  }
  const begun = performance.now()
  const told = await run(
    order,
    path === undefined && Number.isFinite(minutes) ? begun + order.searchMs : undefined,
  )
  const seconds = Math.round((performance.now() - begun) / 1000)
  const again = (at?: string) => commandLine(dataplane, { ...flags, seed }, at)
  const outcome = outcomeOf(told, { dataplane, again, seed, seconds, testFile })
  process.stdout.write(outcome.text)
  if (testFile !== undefined && outcome.test !== undefined) await writeFile(testFile, outcome.test)
  if (json !== undefined) {
    const data = { schemaVersion, command: again(path), dataplane, seed, seconds, ...outcome.data }
    await writeFile(json, `${JSON.stringify(data, endless, 2)}\n`)
  }
  if (outcome.hasFailed) process.exitCode = 1
}

type Seen = Pick<Found, 'path' | 'wrong'>

/** What a process has told until it ended. */
interface Told {
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

async function run(order: Order, until: number | undefined): Promise<Told> {
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

interface Asked {
  readonly dataplane: string
  readonly seed: number
  readonly seconds: number
  readonly testFile: string | undefined
  again(path?: string): string
}

interface Outcome {
  readonly text: string
  readonly test?: string
  readonly data: object
  readonly hasFailed: boolean
}

function outcomeOf(told: Told, { dataplane, seed, seconds, testFile, again }: Asked): Outcome {
  const { result, subject, why, path, seen, isInterrupted } = told
  if (result === undefined || subject === undefined) {
    const at = seen === undefined ? path || 'before the first round' : 'while what was found was made short'
    const text = [
      `${dataplane}: ${at}: ${why}\n`,
      ...(seen === undefined ? [] : [`${seen.wrong}\n\n`]),
      ...(path === '' ? [] : [`again: ${again(seen?.path ?? path)}\n`]),
    ]
    return { text: text.join(''), data: { brokenOff: { path, why, seen } }, hasFailed: true }
  }
  const { found, once, isCutOff = false, ...done } = result
  const onceText = once.map(
    (one) =>
      `went wrong once, and not in the tries after it: ${again(one.path)}\n  ${one.wrong.split('\n')[0]}\n`,
  )
  const amounts = `${amountsText(done)} in ${seconds} s, from seed ${seed} on`
  if (found === undefined) {
    const end = isInterrupted ? 'interrupted' : isCutOff ? 'the time was over before the path was tried' : ''
    const what = end === '' ? 'nothing found' : `${end}; nothing found until then`
    const text = `${dataplane}: ${what}: ${amounts}\n${onceText.join('')}`
    return { text, data: { ...done, once, isCutOff }, hasFailed: end !== '' }
  }
  const command = again(found.path)
  const test = testText({ subject, found, again: command, file: resolve(testFile ?? 'found.test.ts') })
  const text = [
    `${dataplane}: found after ${Math.round(found.afterMs / 1000)} s: ${amounts}\n`,
    ...(found.isWhole ? ['interrupted before it was tried again and made short\n'] : []),
    ...onceText,
    `${found.wrong}\n\n`,
    testFile === undefined ? `as a test:\n\n${test}\n` : `as a test: ${testFile}\n`,
    `again: ${command}\n`,
  ]
  return {
    text: text.join(''),
    test,
    data: { ...done, once, found: { ...found, command, test } },
    hasFailed: true,
  }
}

/** JSON has no number without an end. */
function endless(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? 'Infinity' : value
}
