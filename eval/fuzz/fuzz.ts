import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkWritable } from '@portolan/bench'
import { type PhaseName, phases, type SearchResult } from '@portolan/conformance/fuzz'
import { EvaluationError } from '../evaluation-error.ts'
import { superviseProcess } from '../process/supervised-process.ts'
import { standardDeadline, standardMinutes, standardShrink } from './command.ts'
import type { Order, Report, TestedModule } from './messages.ts'
import { amountsText, displayFuzz } from './progress.ts'
import { testText } from './reproduction.ts'

export interface FuzzFlags {
  readonly seed?: number
  readonly minutes: number
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
const endMs = 15_000

const program = fileURLToPath(new URL('./fuzz-process.ts', import.meta.url))

/**
 * Searches a dataplane for faults, and prints the first as a test. Sets the exit code 1 where there is one, and where the
 * search didn't come to its end.
 *
 * @throws EvaluationError, and BenchError for a file that can't be written, before anything is tried
 */
export async function fuzz(dataplane: string, flags: FuzzFlags): Promise<void> {
  const { path, minutes, json, test: testFile } = flags
  if (process.getuid?.() !== 0)
    throw new EvaluationError('a search makes network namespaces, which needs root', 'run it with sudo', 1)
  if (path !== undefined && flags.seed === undefined)
    throw new EvaluationError(
      '--path is of one seed, and there is no --seed',
      'give both, as they were printed',
    )
  for (const file of [json, testFile]) if (file !== undefined) await checkWritable(file)
  const seed = flags.seed ?? Math.floor(Math.random() * 1_000_000)
  const order: Order = {
    dataplane,
    seed,
    phases: flags.only ?? (Object.keys(phases) as PhaseName[]),
    searchMs: minutes * 60_000,
    shrinkMs: flags.shrink * 1000,
    callMs: flags.deadline * 1000,
    ...(path === undefined ? {} : { path }),
    ...(flags.rounds === undefined ? {} : { rounds: flags.rounds }),
    ...(flags.underTest === undefined ? {} : { underTest: flags.underTest }),
  }
  const begun = performance.now()
  const told = await run(order, path === undefined ? begun + order.searchMs : undefined)
  const seconds = Math.round((performance.now() - begun) / 1000)
  const again = (at?: string) => typed(dataplane, { ...flags, seed }, at)
  const outcome = outcomeOf(told, { dataplane, again, seed, seconds, testFile })
  process.stdout.write(outcome.text)
  if (testFile !== undefined && outcome.test !== undefined) await writeFile(testFile, outcome.test)
  if (json !== undefined) {
    const data = { schemaVersion, command: again(path), dataplane, seed, seconds, ...outcome.data }
    await writeFile(json, `${JSON.stringify(data, endless, 2)}\n`)
  }
  if (outcome.hasFailed) process.exitCode = 1
}

/** What a process has told until it ended. */
interface Told {
  /** The last round that had begun. */
  readonly path: string
  readonly result?: SearchResult
  readonly subject?: TestedModule
  /** Why there is no result. */
  readonly why: string | undefined
  readonly isInterrupted: boolean
}

async function run(order: Order, until: number | undefined): Promise<Told> {
  const shown = displayFuzz(process.stderr, order.dataplane, until)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  let path = ''
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
        shown.round(report.path, report.done)
      } else if (report.kind === 'found') shown.found(report.path, report.wrong)
      else ended = report
    },
  })
  shown.end()
  if (ended?.kind === 'not loaded') throw new EvaluationError(ended.why, 'see the message', 1)
  const isInterrupted = interrupted.signal.aborted
  if (ended === undefined) return { path, why, isInterrupted }
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
  const { result, subject, why, path, isInterrupted } = told
  if (result === undefined || subject === undefined) {
    const text = `${dataplane}: ${path || 'before the first round'}: ${why}\n${path === '' ? '' : `again: ${again(path)}\n`}`
    return { text, data: { brokenOff: { path, why } }, hasFailed: true }
  }
  const { found, once, ...done } = result
  const onceText = once.map(
    (one) =>
      `went wrong once, and not in the tries after it: ${again(one.path)}\n  ${one.wrong.split('\n')[0]}\n`,
  )
  const amounts = `${amountsText(done)} in ${seconds} s, from seed ${seed} on`
  if (found === undefined) {
    const what = isInterrupted ? 'interrupted; nothing found until then' : 'nothing found'
    const text = `${dataplane}: ${what}: ${amounts}\n${onceText.join('')}`
    return { text, data: { ...done, once }, hasFailed: isInterrupted }
  }
  const command = again(found.path)
  const test = testText({ subject, found, again: command, file: resolve(testFile ?? 'found.test.ts') })
  const text = [
    `${dataplane}: found after ${Math.round(found.afterMs / 1000)} s: ${amounts}\n`,
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

function typed(
  dataplane: string,
  { seed, minutes, rounds, only, underTest, deadline, shrink }: FuzzFlags,
  path?: string,
): string {
  return [
    'portolan fuzz',
    dataplane,
    `--seed ${seed}`,
    ...(path === undefined
      ? [
          ...(minutes === standardMinutes ? [] : [`--minutes ${minutes}`]),
          ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
          ...(only === undefined ? [] : [`--only ${only.join()}`]),
          ...(shrink === standardShrink ? [] : [`--shrink ${shrink}`]),
        ]
      : [`--path ${path}`]),
    ...(underTest === undefined ? [] : [`--under-test ${underTest}`]),
    ...(deadline === standardDeadline ? [] : [`--deadline ${deadline}`]),
  ].join(' ')
}
