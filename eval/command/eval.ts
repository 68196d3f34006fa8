import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkWritable, describeMachine } from '@portolan/bench'
import { families, network } from '@portolan/lab'
import type { Evaluation } from '../evaluate.ts'
import { EvaluationError } from '../evaluation-error.ts'
import { runEvaluation } from '../process/run-evaluation.ts'
import { badge } from '../report/badge.ts'
import { renderPage } from '../report/page.ts'
import { printScorecard } from '../report/terminal.ts'
import {
  type Card,
  hasPassed,
  type PartName,
  partNames,
  type Scorecard,
  schemaVersion,
} from '../scorecard.ts'
import { display } from './progress.ts'

/** Seconds, where nothing else is asked for, times the slowness. */
const standardDeadline = 30

export interface EvalFlags {
  readonly only?: readonly PartName[]
  readonly quick: boolean
  readonly keep: boolean
  readonly rows?: string
  readonly services?: readonly number[]
  readonly underTest?: string
  /** Seconds. */
  readonly deadline?: number
  readonly slowness: number
  readonly json: string
  readonly report: string
  readonly badge?: string
  readonly objects: string
}

/**
 * Evaluates one dataplane after the other, and writes what came of it. Sets the exit code 1 where something has failed.
 *
 * @throws EvaluationError, and BenchError for a file that can't be written, before anything is asked
 */
export async function evaluateAll(
  dataplanes: readonly string[],
  flags: EvalFlags,
  version: string,
): Promise<void> {
  const parts = partsOf(flags)
  if (parts.some((name) => name !== 'shape') && process.getuid?.() !== 0)
    throw new EvaluationError(
      'an evaluation makes network namespaces, which needs root',
      'run it with sudo, or ask for the shape alone: --only shape',
      1,
    )
  if (flags.underTest !== undefined && dataplanes.length > 1)
    throw new EvaluationError('--under-test is of one dataplane', 'name one dataplane at a time')
  // Not after a quarter of an hour.
  if (flags.rows !== undefined && parts.includes('conformance')) {
    const { claimsAsked } = await import('../parts/conformance.ts')
    claimsAsked(new RegExp(flags.rows), flags.quick)
  }
  for (const path of [flags.json, flags.report, ...(flags.badge === undefined ? [] : [flags.badge])])
    await checkWritable(path)
  const begun = new Date()
  const command = typed(dataplanes, flags)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  const cards: Card[] = []
  for (const dataplane of new Set(dataplanes)) {
    if (interrupted.signal.aborted) break
    const evaluation: Evaluation = {
      dataplane,
      parts,
      isQuick: flags.quick,
      callMs: (flags.deadline ?? standardDeadline * flags.slowness) * 1000,
      slowness: flags.slowness,
      ...(flags.deadline === undefined ? {} : { measuredCallMs: flags.deadline * 1000 }),
      services: flags.services ?? (flags.quick ? [100, 1000] : [100, 1000, 10_000]),
      command,
      version,
      keeps: flags.keep,
      ...(flags.rows === undefined ? {} : { rows: flags.rows }),
      ...(flags.underTest === undefined ? {} : { underTest: flags.underTest }),
    }
    const shown = display(process.stderr, dataplane)
    const files: Promise<string | Error>[] = []
    const card = await runEvaluation(
      evaluation,
      {
        step: (part, what) => shown.step(part, what),
        part: (part) => shown.part(part),
        kept(scenario, networkNamespace) {
          shown.end()
          console.error(keptText(scenario, networkNamespace))
        },
        objects: (scenario, objects) =>
          files.push(writeObjects(flags.objects, dataplane, scenario, objects).catch(asError)),
      },
      { signal: interrupted.signal },
    )
    shown.end()
    tellOfObjects(await Promise.all(files), dataplane)
    cards.push(card)
  }
  const scorecard: Scorecard = { schemaVersion, command, machine: describeMachine(version, {}, begun), cards }
  await writeFile(flags.json, `${JSON.stringify(scorecard, null, 2)}\n`)
  await writeFile(flags.report, renderPage(scorecard))
  if (flags.badge !== undefined) await writeFile(flags.badge, badge(scorecard))
  process.stdout.write(printScorecard(scorecard, process.stdout.columns ?? 110))
  console.log(`\nall of it: ${flags.json}, with plots: ${flags.report}`)
  if (interrupted.signal.aborted || !cards.every(hasPassed)) process.exitCode = 1
}

function keptText(scenario: string, networkNamespace: string): string {
  const hosts = networkNamespace.replace(/node$/, '*')
  return (
    `the node of "${scenario}" is as its failed rows have left it:\n` +
    `  nsenter --net=${networkNamespace} ip route show table all\n` +
    `  ls ${hosts}    # its pods, and those outside, with their servers\n` +
    'Ctrl-C removes all of it, and ends with the card'
  )
}

/**
 * With the address ranges of the kit's virtual node.
 *
 * @param outcomes files, and why others couldn't be written, which is no reason to lose the card
 */
function tellOfObjects(outcomes: readonly (string | Error)[], dataplane: string): void {
  const files = outcomes.filter((one) => typeof one === 'string')
  const [failure, ...more] = outcomes.filter((one) => one instanceof Error)
  const scenarios = more.length === 0 ? '1 scenario' : `${more.length + 1} scenarios`
  if (failure !== undefined)
    console.error(
      `portolan: the objects of ${scenarios} with failed rows could not be written: ${failure.message}\n` +
        '  fix: name a folder that you may write to by --objects, or make room there',
    )
  const [first] = files
  if (first === undefined) return
  const ranges = families.map((family) => network[family].clusterCidr).join()
  console.error(
    `objects of failed rows, ${files.length === 1 ? '1 file' : `${files.length} files`} in ${dirname(first)}; what a dataplane makes of one:\n` +
      `  portolan plan --source file:${first} --node this-node --cluster-cidr ${ranges} --dataplane ${dataplane}`,
  )
}

function partsOf({ only, rows }: EvalFlags): readonly PartName[] {
  if (only !== undefined) return only
  return rows === undefined ? partNames : ['shape', 'convergence', 'conformance']
}

function typed(
  dataplanes: readonly string[],
  { only, quick, rows, services, underTest, deadline, slowness }: EvalFlags,
): string {
  return [
    'portolan eval',
    ...dataplanes,
    ...(only === undefined ? [] : ['--only', only.join()]),
    ...(quick ? ['--quick'] : []),
    ...(rows === undefined ? [] : ['--rows', `'${rows}'`]),
    ...(services === undefined ? [] : ['--services', services.join()]),
    ...(underTest === undefined ? [] : ['--under-test', underTest]),
    ...(deadline === undefined ? [] : ['--deadline', String(deadline)]),
    ...(slowness === 1 ? [] : ['--slowness', String(slowness)]),
  ].join(' ')
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** JSON is YAML, and one document each is what a source reads. @returns the file */
async function writeObjects(
  folder: string,
  dataplane: string,
  scenario: string,
  objects: readonly object[],
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const name = [dataplane, scenario]
    .map((part) => part.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, ''))
    .join('.')
  const file = join(folder, `${name}.yaml`)
  await writeFile(file, objects.map((object) => `${JSON.stringify(object)}\n`).join('---\n'))
  return file
}
