import { writeFile } from 'node:fs/promises'
import { checkWritable } from '@portolan/bench'
import { type PhaseName, phases } from '@portolan/conformance/fuzz'
import { EvaluationError } from '../evaluation-error.ts'
import { standardDeadline, standardMinutes } from './command.ts'
import { commandLine } from './command-line.ts'
import type { Order } from './messages.ts'
import { outcomeOf } from './outcome.ts'
import { runSearch } from './run-search.ts'

export interface FuzzFlags {
  readonly seed?: number
  /** Absent: the usual ones, or, with `rounds` or `path`, as long as these take. */
  readonly minutes?: number
  readonly rounds?: number
  readonly only?: readonly PhaseName[]
  readonly path?: string
  readonly underTest?: string
  /** Seconds; absent: the usual ones, times the slowness. */
  readonly deadline?: number
  readonly slowness: number
  /** Seconds. */
  readonly shrink: number
  readonly test?: string
  readonly json?: string
}

/** Raised whenever a reader of the one before would misread it. */
const schemaVersion = 1

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
    callMs: (flags.deadline ?? standardDeadline * flags.slowness) * 1000,
    slowness: flags.slowness,
    ...(path === undefined ? {} : { path }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(flags.underTest === undefined ? {} : { underTest: flags.underTest }),
  }
  const begun = performance.now()
  const told = await runSearch(
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

/** JSON has no number without an end. */
function endless(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? 'Infinity' : value
}
