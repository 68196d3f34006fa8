import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import type { ClusterShape } from '../cluster/generated-cluster.ts'
import { type ExternalCandidate, externalCandidate } from '../external/external-candidate.ts'
import { ExternalProxy } from '../external/external-proxy.ts'
import { PortolanProxy } from '../proxy/portolan-proxy.ts'
import { RecordedCluster } from '../recording/recorded-cluster.ts'
import { type BenchResults, type Candidate, type Failure, type Result, schemaVersion } from '../results.ts'
import type { ChangeScenario } from '../scenarios/change-scenario.ts'
import type { CoreScenario } from '../scenarios/core-scenario.ts'
import type { NodeScenario } from '../scenarios/node-scenario.ts'
import { type ApiServers, EmbeddedApiServers, GivenApiServer } from './api-servers.ts'
import { createBenchLab, SharedLab } from './bench-lab.ts'
import { cleanUpAfter, defaultCandidates, findCandidates, type NamedCandidate } from './candidates.ts'
import { type Grid, scenariosFor, scenariosOf, shapesOf } from './grid.ts'
import { describeMachine } from './machine.ts'
import { measureCell } from './measure-cell.ts'
import { reasonOf } from './reason.ts'
import { Recorder } from './recorder.ts'

/** Told how far a run is. */
export interface Progress {
  /** Once, when it is known what will be measured. */
  begin(candidates: readonly Candidate[], steps: number): void
  /** A step begins. @param what `nftables, 1000 x 10`, whose part it is */
  step(what: string, scenario: string): void
  /** A candidate could not be measured to the end at one size; everything else goes on. */
  failed(what: string, scenario: string, error: unknown): void
  /** Something that was asked for isn't in the figures. Each is told once. */
  warned(text: string): void
  end(): void
}

export interface BenchRun {
  readonly grid: Grid
  /** Milliseconds that any one call of a dataplane may take. Absent: as in `portolan run`. */
  readonly callMs?: number
  /** How a person would type it. */
  readonly command: string
  /** Of Portolan. */
  readonly version: string
  readonly progress: Progress
  /** Begins no further cell once it is aborted. */
  readonly signal: AbortSignal
}

/** One size of one candidate, or of the core alone. */
interface Task {
  readonly about: Pick<Result, 'dataplane' | 'services' | 'endpointsPerService'>
  readonly steps: number
  run(step: (scenario: string) => void): Promise<void>
}

/**
 * Measures, on a virtual node of its own; leaves nothing behind. Needs root, unless the scenarios need no kernel.
 *
 * @throws RangeError for an unknown scenario
 */
export async function runBench(run: BenchRun): Promise<BenchResults> {
  const { grid, command, version, progress, signal } = run
  const begun = new Date()
  const scenarios = scenariosOf(grid)
  const onNode = scenarios.filter((scenario) => scenario.kind !== 'core')
  const alone = scenarios.filter((scenario) => scenario.kind === 'core')
  await using lab = new SharedLab()
  const names = onNode.length === 0 ? [] : (grid.dataplanes ?? defaultCandidates)
  const candidates =
    names.length === 0 ? [] : await lab.use(({ node }) => findCandidates(names, node, run.callMs))
  const usable = candidates.filter((candidate) => candidate.usable)
  const externals = await Promise.all((grid.externals ?? []).map(externalCandidate))
  const recorder = new Recorder()
  const warn = onlyOnce((text) => progress.warned(text))
  const apiServers =
    grid.apiServer === undefined ? new EmbeddedApiServers() : new GivenApiServer(grid.apiServer, warn)
  const { specs, warnings } = await specsOf(grid)
  const tasks = specs.flatMap((spec) => [
    ...(alone.length === 0 ? [] : [coreTask(alone, spec.shape, { grid, apiServers, recorder, warn })]),
    ...usable.flatMap((candidate) =>
      nodeTask(candidate, spec, { onNode, grid, lab, apiServers, recorder, warn }),
    ),
    ...externals.flatMap((candidate) =>
      externalTask(candidate, spec, { onNode, grid, apiServers, recorder, warn }),
    ),
  ])
  progress.begin(
    [...candidates, ...externals.map(({ candidate }) => candidate)],
    grid.repeat * tasks.reduce((sum, { steps }) => sum + steps, 0) + (grid.apiServer === undefined ? 0 : 1),
  )
  const failures: Failure[] = []
  try {
    for (const warning of warnings) warn(warning)
    for (let turn = 0; turn < grid.repeat; turn++) {
      recorder.startRun(turn)
      for (const task of tasks) {
        const failed = await runTask(task, progress, signal)
        if (failed !== undefined) failures.push({ ...task.about, run: turn, ...failed })
      }
    }
  } finally {
    if (grid.apiServer !== undefined) progress.step('the given API server', 'empty')
    await apiServers.empty()
    progress.end()
  }
  return {
    schemaVersion,
    command,
    machine: describeMachine(version, toolVersions(usable), begun),
    dataplanes: [
      ...candidates.map(({ dataplane: _, facts: __, ...candidate }) => candidate),
      ...externals.map(({ candidate }) => candidate),
    ],
    failures,
    results: recorder.results(),
  }
}

/** The clusters to measure in, and what of them can't be measured. */
async function specsOf(grid: Grid): Promise<{ specs: ClusterSpec[]; warnings: readonly string[] }> {
  const { recording } = grid
  if (recording === undefined) {
    return { specs: shapesOf(grid).map((shape) => ({ from: 'generated', shape })), warnings: [] }
  }
  const cluster = await RecordedCluster.open(recording)
  const { shape, node, warnings } = cluster
  await cluster.close()
  return { specs: [{ from: 'recording', path: recording.path, node, shape }], warnings }
}

/** Every cell may find out the same. */
function onlyOnce(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>()
  return (text) => {
    if (!told.has(text)) tell(text)
    told.add(text)
  }
}

/** Returns how it failed, if it did. */
async function runTask(
  { about, run }: Task,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<Failure, 'scenario' | 'reason'> | undefined> {
  if (signal.aborted) return
  const what = `${about.dataplane}, ${about.services} x ${about.endpointsPerService}`
  let scenario = ''
  try {
    await run((next) => {
      scenario = next
      progress.step(what, next)
    })
  } catch (error) {
    if (signal.aborted) return
    progress.failed(what, scenario, error)
    return { scenario, reason: reasonOf(error) }
  }
}

function coreTask(
  scenarios: readonly CoreScenario[],
  shape: ClusterShape,
  around: {
    readonly grid: Grid
    readonly apiServers: ApiServers
    readonly recorder: Recorder
    readonly warn: (text: string) => void
  },
): Task {
  const { grid, apiServers, recorder, warn } = around
  const { effort, apiServer } = grid
  const given = apiServer === undefined ? {} : { apiServer }
  const about = { dataplane: 'core', ...shape }
  const record: Parameters<CoreScenario['play']>[0]['record'] = (name, metric, values) =>
    recorder.add(about, name, metric, values)
  return {
    about,
    steps: scenarios.length,
    async run(step) {
      // A scenario that lists a given API server fills it for itself.
      await apiServers.empty()
      for (const scenario of scenarios) {
        step(scenario.name)
        await scenario.play({ shape, effort, record, warn, ...given })
      }
    },
  }
}

function nodeTask(
  candidate: NamedCandidate,
  spec: ClusterSpec,
  around: {
    readonly onNode: readonly (NodeScenario | ChangeScenario)[]
    readonly grid: Grid
    readonly lab: SharedLab
    readonly apiServers: ApiServers
    readonly recorder: Recorder
    readonly warn: (text: string) => void
  },
): Task[] {
  const { onNode, grid, lab, apiServers, recorder, warn } = around
  const { shape } = spec
  const scenarios = scenariosFor(candidate, shape, onNode, grid)
  if (scenarios.length === 0) return []
  const { name, dataplane } = candidate
  const cell = {
    dataplane: name,
    // A recording's changes can't be made twice.
    ...(spec.from === 'generated' ? { lowerBoundOf: dataplane } : {}),
    spec,
    scenarios,
    effort: grid.effort,
    warn,
    ...(grid.recording === undefined ? {} : { speed: grid.recording.speed }),
    ...(grid.changes === undefined ? {} : { changes: grid.changes }),
    apiServers,
  }
  return [
    {
      about: { dataplane: name, ...shape },
      // The cold start is always made, and the lower bound is a step of its own.
      steps: new Set(['load', 'cold-start', 'lower-bound', ...scenarios.map((scenario) => scenario.name)])
        .size,
      run: (step) =>
        lab.use(
          (here) => measureCell({ ...cell, proxy: new PortolanProxy(dataplane) }, here, recorder, step),
          (node) => cleanUpAfter(dataplane, node),
        ),
    },
  ]
}

/** On a node of its own each time: only the program itself knows what it leaves in a kernel. */
function externalTask(
  { candidate, program }: ExternalCandidate,
  spec: ClusterSpec,
  around: {
    readonly onNode: readonly (NodeScenario | ChangeScenario)[]
    readonly grid: Grid
    readonly apiServers: ApiServers
    readonly recorder: Recorder
    readonly warn: (text: string) => void
  },
): Task[] {
  const { onNode, grid, apiServers, recorder, warn } = around
  const scenarios = scenariosFor(candidate, spec.shape, onNode, grid)
  if (!candidate.usable || scenarios.length === 0) return []
  const { name } = candidate
  const { effort, recording } = grid
  return [
    {
      about: { dataplane: name, ...spec.shape },
      steps: new Set(['load', 'cold-start', ...scenarios.map((scenario) => scenario.name)]).size,
      async run(step) {
        await using lab = await createBenchLab()
        const proxy = new ExternalProxy(program)
        const speed = recording === undefined ? {} : { speed: recording.speed }
        const { readyTimeoutMs } = program
        const about = { dataplane: name, proxy, spec, scenarios, effort, readyTimeoutMs, warn }
        const cell = { ...about, ...speed, apiServers }
        await proxy.explaining(measureCell(cell, lab, recorder, step))
      },
    },
  ]
}

/** Dataplanes tell other facts than versions, too: which variant, where the cgroup hierarchy is. */
function toolVersions(candidates: readonly NamedCandidate[]): Record<string, string> {
  const facts = candidates.flatMap((candidate) => Object.entries(candidate.facts))
  return Object.fromEntries(facts.filter(([name, value]) => name !== 'kernel' && /^v?\d+\./.test(value)))
}
