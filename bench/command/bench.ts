import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { createLab, hostsSettled } from '@portolan/lab'
import { fillArguments } from '../external/arguments.ts'
import { externalCandidate } from '../external/external-candidate.ts'
import { printTable, renderReport } from '../report/index.ts'
import { checkNames, defaultCandidates, findCandidates } from '../run/candidates.ts'
import { type Grid, inGivenCluster, inRecording, scenariosOf } from '../run/grid.ts'
import { type Progress, runBench } from '../run/run-bench.ts'
import { scenarioNames } from '../scenarios/index.ts'
import { soak } from '../scenarios/soak.ts'
import { endWorkerProcesses } from '../worker-process/worker-process.ts'
import { BenchError } from './bench-error.ts'
import { commandLine } from './command-line.ts'
import type { BenchFlags } from './flags.ts'
import { checkWritable } from './output-file.ts'
import { progressDisplay } from './progress-display.ts'

/**
 * Sets the exit code 1 where something was given up, with what was measured still written.
 *
 * @throws {BenchError}
 */
export async function bench(flags: BenchFlags, version: string): Promise<void> {
  const grid = readGrid(flags)
  const needsNode = flags.list || scenariosOf(grid).some(({ kind }) => kind !== 'core')
  if (needsNode && process.getuid?.() !== 0) {
    throw new BenchError(
      'the benchmark makes network namespaces, which needs root',
      'run it with sudo, or measure the core alone: --scenario core',
    )
  }
  if (flags.list) return await list(grid)
  await checkBefore(grid, flags)
  if (grid.apiServer !== undefined)
    console.error(
      `writing into the cluster of ${grid.apiServer}: namespaces portolan-bench-*, which are removed after`,
    )
  const progress = progressDisplay(process.stderr)
  const interrupted = endOnSignals(progress)
  const results = await runBench({
    grid,
    command: commandLine(flags),
    version,
    progress,
    signal: interrupted,
  })
  const { failures = [] } = results
  if (results.results.length === 0) {
    const reasons = results.dataplanes
      .filter(({ usable }) => !usable)
      .map(({ name, reason }) => `${name}: ${reason}`)
      .concat(failures.map(({ dataplane, scenario, reason }) => `${dataplane}: ${scenario}: ${reason}`))
    throw new BenchError(
      ['nothing could be measured', ...reasons].join('\n  '),
      'see portolan bench --list for what runs here',
    )
  }
  await writeFile(flags.json, resultsText(results))
  await writeFile(flags.report, renderReport(results))
  process.stdout.write(printTable(results, process.stdout.columns ?? 110))
  console.log(`\nall figures: ${flags.json}, plots: ${flags.report}`)
  // The figures that there are count; but a script that asked for more must know that they are not all.
  if (failures.length > 0) process.exitCode = 1
}

/** What would be a pity to find out after an hour. @throws what the one who typed the command can fix */
async function checkBefore(
  { dataplanes = [], externals = [] }: Grid,
  { json, report }: BenchFlags,
): Promise<void> {
  await checkNames(dataplanes)
  for (const program of externals) {
    const { usable, reason } = (await externalCandidate(program)).candidate
    if (!usable) throw new BenchError(`--external: ${reason}`, 'portolan bench --help has an example', 2)
  }
  for (const path of [json, report]) await checkWritable(path)
}

function readGrid(flags: BenchFlags): Grid {
  const { services, endpoints, dataplane, scenario, repeat, thorough } = flags
  const names = scenarioNames().map(({ name }) => name)
  const unknown = scenario?.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new BenchError(`there is no scenario '${unknown}'`, `use some of ${names.join(', ')}`, 2)
  return {
    ...(services === undefined ? {} : { services }),
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(dataplane === undefined ? {} : { dataplanes: dataplane }),
    ...(scenario === undefined ? {} : { scenarios: scenario }),
    repeat,
    effort: thorough ? 'thorough' : 'quick',
    ...readExternals(flags),
    ...readRecording(flags),
    ...readApiServer(flags),
    ...readChanges(flags),
  }
}

function readExternals({
  external = [],
  dataplane = defaultCandidates,
}: BenchFlags): Pick<Grid, 'externals'> {
  if (external.length === 0) return {}
  // Figures are told apart by their names.
  const taken = new Set(['core', ...dataplane])
  const externals = external.map(({ program, args, timeoutMinutes, name = basename(program) }) => {
    // Before anything is measured: a place that is not known is a mistake of the command line.
    fillArguments(args, { kubeconfig: '', node: '', clusterCidr: '', apiServer: '' })
    if (taken.has(name))
      throw new BenchError(
        `--external: '${name}' is measured already`,
        'call it something else with --external-name',
        2,
      )
    taken.add(name)
    return { name, program: resolve(program), args, readyTimeoutMs: timeoutMinutes * 60_000 }
  })
  return { externals }
}

function readRecording(flags: BenchFlags): Pick<Grid, 'recording'> {
  const { recording, recordingSpeed, node, services, endpoints, scenario } = flags
  if (recording === undefined) {
    if (scenario?.includes('replay') !== true) return {}
    throw new BenchError("scenario 'replay' is of a recording", 'name it with --recording FILE', 2)
  }
  if (services !== undefined || endpoints !== undefined)
    throw new BenchError('a recorded cluster has its own size', 'leave out --services and --endpoints', 2)
  const other = scenario?.find((name) => !inRecording.includes(name))
  if (other !== undefined) {
    const fix = `use some of ${inRecording.join(', ')}`
    throw new BenchError(`a recorded cluster has its own changes, not '${other}'`, fix, 2)
  }
  return { recording: { path: recording, node, speed: recordingSpeed } }
}

function readChanges({ changes, scenario }: BenchFlags): Pick<Grid, 'changes'> {
  if (changes === undefined) return {}
  if (scenario?.includes(soak.name) !== true)
    throw new BenchError(`--changes is of the scenario '${soak.name}'`, `name it: --scenario ${soak.name}`, 2)
  return { changes }
}

function readApiServer({ apiServer, recording, scenario }: BenchFlags): Pick<Grid, 'apiServer'> {
  if (apiServer === undefined) return {}
  if (recording !== undefined)
    throw new BenchError('a recorded cluster is not written into another one', 'leave out --recording', 2)
  const other = scenario?.find((name) => !inGivenCluster.includes(name))
  if (other !== undefined) {
    const fix = `use some of ${inGivenCluster.join(', ')}`
    throw new BenchError(`scenario '${other}' is for the embedded API server`, fix, 2)
  }
  return { apiServer: resolve(apiServer) }
}

async function list({ dataplanes }: Grid): Promise<void> {
  await using lab = await createLab()
  const candidates = await findCandidates(dataplanes ?? defaultCandidates, lab.node)
  console.log('Dataplanes:')
  for (const { name, kind, usable, reason } of candidates) {
    const state = usable
      ? kind === 'baseline'
        ? "runs here (upstream's layout, in Portolan)"
        : 'runs here'
      : reason
    console.log(`  ${name.padEnd(18)} ${state}`)
  }
  console.log('\nScenarios:')
  for (const { name, meaning } of scenarioNames()) console.log(`  ${name.padEnd(18)} ${meaning}`)
}

/** A line for each result, so that two files can be compared by eye, too. */
function resultsText(results: Awaited<ReturnType<typeof runBench>>): string {
  const { results: rows, ...head } = results
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  return `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "results": [\n${lines}\n  ]\n}\n`
}

/** The processes that this one has started clean up what they made in the kernel, and the lab goes with the exit. */
function endOnSignals(progress: Progress): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
    // Before anything else: a second signal leaves at once, and the terminal must have its cursor then.
    progress.end()
    console.error('\nportolan: interrupted; removing what was made (again to leave at once)')
    void Promise.all([endWorkerProcesses(), hostsSettled(2000)]).finally(() => process.exit(130))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}
