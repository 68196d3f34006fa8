import { createLab, type Lab } from '@portolan/lab'
import { findCandidates, type NamedCandidate, usualCandidates } from '../candidates.ts'
import { probeTargetPort } from '../cluster/probe-services.ts'
import { type Grid, shapesOf, thoroughOnly } from '../grid.ts'
import { describeMachine } from '../machine.ts'
import { type BenchResults, type Candidate, schemaVersion } from '../results.ts'
import type { CoreScenario } from '../scenarios/core-scenario.ts'
import { chooseScenarios, type Scenario, scenarioNames } from '../scenarios/index.ts'
import { ProxySubject } from '../subject/proxy-subject.ts'
import { measureCell } from './measure-cell.ts'
import { Recorder } from './recorder.ts'

/** Told how far a run is. */
export interface Progress {
  /** Once, when it is known what will be measured. */
  begin(candidates: readonly Candidate[], steps: number): void
  /** A step begins: `nftables, 1000 x 10: endpoint-replaced`. */
  step(what: string): void
  /** A candidate could not be measured to the end at one size; everything else goes on. */
  failed(what: string, error: unknown): void
  end(): void
}

export interface BenchRun {
  readonly grid: Grid
  /** How a person would type it. */
  readonly command: string
  /** Of Portolan. */
  readonly version: string
  readonly progress: Progress
}

/**
 * Measures, on a virtual node of its own; leaves nothing behind. Needs root.
 *
 * @throws RangeError for an unknown scenario; Error when none of what was asked for runs here
 */
export async function runBench({ grid, command, version, progress }: BenchRun): Promise<BenchResults> {
  const chosen = chooseScenarios(grid.scenarios.length > 0 ? grid.scenarios : usualScenarios(grid))
  const onNode = chosen.filter((scenario) => scenario.kind !== 'core')
  const alone = chosen.filter((scenario) => scenario.kind === 'core')
  const begun = new Date()
  await using lab = await createLab()
  const candidates =
    onNode.length === 0
      ? []
      : await findCandidates(grid.dataplanes.length > 0 ? grid.dataplanes : usualCandidates, lab.node)
  const usable = candidates.filter((candidate) => candidate.usable)
  const shapes = shapesOf(grid)
  const stepsOfCell = onNode.length + (onNode.some(({ name }) => name === 'cold-start') ? 1 : 2)
  progress.begin(
    candidates,
    grid.repeat * shapes.length * (usable.length * (onNode.length === 0 ? 0 : stepsOfCell) + alone.length),
  )
  const recorder = new Recorder()
  try {
    if (onNode.length > 0) await lab.remote.serve('TCP', '0.0.0.0', probeTargetPort)
    for (let run = 0; run < grid.repeat; run++) {
      recorder.startRun(run)
      for (const shape of shapes) {
        await measureAlone(alone, shape, grid, recorder, progress)
        for (const candidate of usable) await measureOne(candidate, shape, { onNode, grid, lab, recorder, progress })
      }
    }
  } finally {
    progress.end()
  }
  return {
    schemaVersion,
    command,
    machine: describeMachine(version, toolVersions(usable), begun),
    dataplanes: candidates.map(({ module: _, facts: __, ...candidate }) => candidate),
    results: recorder.results(),
  }
}

function usualScenarios({ effort }: Grid): string[] {
  const names = scenarioNames().map(({ name }) => name)
  return effort === 'thorough' ? names : names.filter((name) => !thoroughOnly.includes(name))
}

async function measureAlone(
  scenarios: readonly CoreScenario[],
  shape: { services: number; endpointsPerService: number },
  { effort }: Grid,
  recorder: Recorder,
  progress: Progress,
): Promise<void> {
  const about = { dataplane: 'core', ...shape }
  for (const scenario of scenarios) {
    const what = `core, ${shape.services} x ${shape.endpointsPerService}: ${scenario.name}`
    progress.step(what)
    try {
      await scenario.play({
        shape,
        effort,
        record: (name, metric, values) => recorder.add(about, name, metric, values),
      })
    } catch (error) {
      progress.failed(what, error)
    }
  }
}

async function measureOne(
  { name, module }: NamedCandidate,
  shape: { services: number; endpointsPerService: number },
  around: {
    readonly onNode: readonly Exclude<Scenario, CoreScenario>[]
    readonly grid: Grid
    readonly lab: Lab
    readonly recorder: Recorder
    readonly progress: Progress
  },
): Promise<void> {
  const { onNode, grid, lab, recorder, progress } = around
  const size = `${name}, ${shape.services} x ${shape.endpointsPerService}`
  let last = size
  const step = (what: string) => {
    last = `${size}: ${what}`
    progress.step(last)
  }
  const cell = {
    dataplane: name,
    module,
    subject: new ProxySubject(module),
    spec: { from: 'generated', shape },
    scenarios: onNode.filter((scenario) => scenario.kind === 'stage' || concerns(scenario, shape)),
    effort: grid.effort,
  } as const
  try {
    await measureCell(cell, lab, recorder, step)
  } catch (error) {
    progress.failed(last, error)
  }
}

/** With one endpoint to a Service no hint leaves any out, and the zone's change would change nothing. */
function concerns({ concerns: what }: { concerns?: 'everything' }, shape: { endpointsPerService: number }): boolean {
  return what !== 'everything' || shape.endpointsPerService > 1
}

function toolVersions(candidates: readonly NamedCandidate[]): Record<string, string> {
  return Object.assign({}, ...candidates.map(({ facts }) => facts)) as Record<string, string>
}
