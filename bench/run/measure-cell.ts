import { remotePodAddress, type Lab } from '@portolan/lab'
import { startApiServer } from '../cluster/api-server.ts'
import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import { probePort, probeServices, probeTargetPort } from '../cluster/probe-services.ts'
import { measureFloor } from '../floor/floor.ts'
import { type ChangeScenario, turnsOf } from '../scenarios/change-scenario.ts'
import { coldStart } from '../scenarios/cold-start.ts'
import { playChanges } from '../scenarios/play-changes.ts'
import type { Effort, Stage, StageScenario } from '../scenarios/stage.ts'
import type { Subject } from '../subject/subject.ts'
import type { Recorder } from './recorder.ts'

/** One subject in one cluster, and what is to be measured of it. */
export interface Cell {
  /** What results say. */
  readonly dataplane: string
  /** What `loadDataplane` takes, for the floor; absent: there is no floor of it. */
  readonly module?: string
  readonly subject: Subject
  readonly spec: ClusterSpec
  readonly scenarios: readonly (StageScenario | ChangeScenario)[]
  readonly effort: Effort
}

/** Turns of a change that the floor sends again. */
const floorTurns = { quick: 40, thorough: 200 }

/** @param step told of what begins */
export async function measureCell(
  cell: Cell,
  lab: Lab,
  recorder: Recorder,
  step: (what: string) => void,
): Promise<void> {
  const { subject, spec, effort } = cell
  const { shape } = spec
  const about = { dataplane: cell.dataplane, ...shape }
  const wanted = new Set(cell.scenarios)
  const server = startApiServer(lab.node.networkNamespace)
  try {
    const address = await server.call('load', spec)
    const record: Stage['record'] = (scenario, metric, values) =>
      recorder.add(about, scenario, metric, values)
    const stage: Stage = { lab, shape, server, address, subject, effort, record }
    step(coldStart.name)
    // It has to be started in any case, and is measured only if that was asked for.
    await coldStart.play(wanted.has(coldStart) ? stage : { ...stage, record: () => {} })
    await untilReachable(lab)
    for (const scenario of cell.scenarios) {
      if (scenario === coldStart) continue
      step(scenario.name)
      if (scenario.kind === 'change') await playChanges(stage, scenario)
      else await scenario.play(stage)
    }
  } finally {
    await subject.stop('go').catch(() => {})
    await server.end()
  }
  if (cell.module === undefined) return
  step('floor')
  const changes = cell.scenarios.filter((scenario) => scenario.kind === 'change')
  const scenarios = changes.map((scenario) => ({
    name: scenario.name,
    length: Math.min(floorTurns[effort], turnsOf(scenario, effort, shape.services)),
  }))
  for (const { name, of, values } of await measureFloor(lab.node, {
    spec,
    dataplane: cell.module,
    scenarios,
  })) {
    const metrics =
      name === coldStart.name
        ? (['apply', 'listToCommit'] as const)
        : (['apply', 'computeAndApply', 'eventToCommit'] as const)
    for (const metric of metrics) recorder.addFloor(about, name, metric, of, values)
  }
}

/** The probe Services answer: whatever the subject tells of itself, this is what a start is for. */
async function untilReachable({ pods }: Lab): Promise<void> {
  const [pod] = pods
  for (const { clusterIP } of Object.values(probeServices)) {
    await pod?.firstPacketAt({
      to: { address: clusterIP, port: probePort },
      expected: { address: remotePodAddress('IPv4', 0), port: probeTargetPort },
      timeoutMs: 10 * 60_000,
    })
  }
}
