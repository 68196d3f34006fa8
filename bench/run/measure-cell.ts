import type { Lab } from '@portolan/lab'
import { openApiServer, startApiServer } from '../cluster/api-server.ts'
import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import { measureFloor } from '../lower-bound/lower-bound.ts'
import type { NamedDataplane } from '../proxy/lab-settings.ts'
import type { Subject } from '../proxy/proxy-under-test.ts'
import { type ChangeScenario, turnsOf } from '../scenarios/change-scenario.ts'
import { coldStart, untilReachable } from '../scenarios/cold-start.ts'
import type { Effort, Stage, StageScenario } from '../scenarios/node-scenario.ts'
import { playChanges } from '../scenarios/play-changes.ts'
import type { Recorder } from './recorder.ts'

/** One subject in one cluster, and what is to be measured of it. */
export interface Cell {
  /** What results say. */
  readonly dataplane: string
  /** For the floor; absent: there is none of it. */
  readonly floorOf?: NamedDataplane
  readonly subject: Subject
  readonly spec: ClusterSpec
  readonly scenarios: readonly (StageScenario | ChangeScenario)[]
  /** A kubeconfig of somebody's API server; absent: the embedded one. */
  readonly apiServer?: string
  readonly effort: Effort
  /** How many times as fast a recording is replayed. */
  readonly speed?: number
  /** See `Stage`. */
  readonly patienceMs?: number
  warn(text: string): void
}

/** Turns of a change that are sent again for the floor. */
const mostFloorTurns = { quick: 40, thorough: 200 }

/**
 * @param step told of what begins
 * @throws when a scenario fails, and when the subject can't be stopped: what it has left in the lab is nobody's to use then
 */
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
  const { networkNamespace } = lab.node
  const server =
    cell.apiServer === undefined
      ? startApiServer(networkNamespace)
      : openApiServer(cell.apiServer, networkNamespace)
  const play = async () => {
    const address = await server.call('load', spec)
    const record: Stage['record'] = (scenario, metric, values) =>
      recorder.add(about, scenario, metric, values)
    const { speed = 1, patienceMs, warn } = cell
    const patience = patienceMs === undefined ? {} : { patienceMs }
    const stage: Stage = { lab, shape, server, address, subject, effort, speed, ...patience, record, warn }
    step(coldStart.name)
    // It has to be started in any case, and is measured only if that was asked for.
    await coldStart.play(wanted.has(coldStart) ? stage : { ...stage, record: () => {} })
    await untilReachable(lab, stage)
    for (const scenario of cell.scenarios) {
      if (scenario === coldStart) continue
      step(scenario.name)
      if (scenario.kind === 'change') await playChanges(stage, scenario)
      else await scenario.play(stage)
    }
  }
  try {
    await Promise.race([play(), subject.ended])
    await subject.stop('go')
    for (const left of await server.call('release')) cell.warn(left)
  } catch (error) {
    // Why it failed is known already.
    await subject.stop('go').catch(() => {})
    throw error
  } finally {
    await server.end()
  }
  if (cell.floorOf === undefined) return
  step('floor')
  await recordFloors(cell, cell.floorOf, lab, recorder)
}

async function recordFloors(
  cell: Cell,
  dataplane: NamedDataplane,
  lab: Lab,
  recorder: Recorder,
): Promise<void> {
  const { spec, effort } = cell
  const about = { dataplane: cell.dataplane, ...spec.shape }
  const changes = cell.scenarios.filter((scenario) => scenario.kind === 'change')
  const scenarios = changes.map((scenario) => {
    const applyMs = recorder.median(about, scenario.name, 'apply') ?? 1
    // Each turn is applied once and its writes are sent twice; and a floor spreads less than what stands on it.
    const length = Math.min(mostFloorTurns[effort], turnsOf(scenario, effort, 6 * applyMs))
    return { name: scenario.name, length }
  })
  const floors = await measureFloor(lab.node, dataplane, { spec, scenarios })
  for (const { name, of, values } of floors) {
    const metrics =
      name === coldStart.name
        ? (['apply', 'listToCommit'] as const)
        : (['apply', 'computeAndApply', 'eventToCommit'] as const)
    for (const metric of metrics) recorder.addFloor(about, name, metric, of, values)
  }
}
