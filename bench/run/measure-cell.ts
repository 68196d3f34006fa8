import type { Lab } from '@portolan/lab'
import type { ApiServerAddress, ApiServerProcess } from '../cluster/api-server.ts'
import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import { measureLowerBound } from '../lower-bound/lower-bound.ts'
import type { NamedDataplane } from '../proxy/lab-settings.ts'
import type { ProxyUnderTest } from '../proxy/proxy-under-test.ts'
import { type ChangeScenario, turnsOf } from '../scenarios/change-scenario.ts'
import { coldStart, untilReachable } from '../scenarios/cold-start.ts'
import type { Effort, NodeFixture, NodeScenario } from '../scenarios/node-scenario.ts'
import { playChanges } from '../scenarios/play-changes.ts'
import type { ApiServers } from './api-servers.ts'
import type { Recorder } from './recorder.ts'

/** One proxy in one cluster, and what is to be measured of it. */
export interface Cell {
  /** What results say. */
  readonly dataplane: string
  /** For the lower bound; absent: there is none of it. */
  readonly lowerBoundOf?: NamedDataplane
  readonly proxy: ProxyUnderTest
  readonly spec: ClusterSpec
  readonly scenarios: readonly (NodeScenario | ChangeScenario)[]
  readonly apiServers: ApiServers
  readonly effort: Effort
  /** How many times as fast a recording is replayed. */
  readonly speed?: number
  /** See `NodeFixture`. */
  readonly changes?: number
  readonly readyTimeoutMs?: number
  warn(text: string): void
}

/** Turns of a change that are sent again for the lower bound. */
const maxLowerBoundTurns = { quick: 40, thorough: 200 }

/**
 * @param step told of what begins
 * @throws when a scenario fails, and when the proxy can't be stopped: what it has left in the lab must not be used then
 */
export async function measureCell(
  cell: Cell,
  lab: Lab,
  recorder: Recorder,
  step: (what: string) => void,
): Promise<void> {
  const { proxy, spec, effort } = cell
  const { shape } = spec
  const about = { dataplane: cell.dataplane, ...shape }
  const wanted = new Set(cell.scenarios)
  const { networkNamespace } = lab.node
  const play = async (server: ApiServerProcess, address: ApiServerAddress) => {
    const record: NodeFixture['record'] = (scenario, metric, values) =>
      recorder.add(about, scenario, metric, values)
    const { speed = 1, readyTimeoutMs, changes, warn } = cell
    const optional = {
      ...(readyTimeoutMs === undefined ? {} : { readyTimeoutMs }),
      ...(changes === undefined ? {} : { changes }),
    }
    const fixture: NodeFixture = {
      ...{ lab, shape, server, address, proxy, effort, speed, record, warn },
      ...optional,
    }
    step(coldStart.name)
    // It has to be started in any case, and is measured only if that was asked for.
    await coldStart.play(wanted.has(coldStart) ? fixture : { ...fixture, record: () => {} })
    await untilReachable(lab, fixture)
    for (const scenario of cell.scenarios) {
      if (scenario === coldStart) continue
      step(scenario.name)
      if (scenario.kind === 'change') await playChanges(fixture, scenario)
      else await scenario.play(fixture)
    }
  }
  step('load')
  await cell.apiServers.use(spec, networkNamespace, async (server, address) => {
    try {
      await Promise.race([play(server, address), proxy.ended])
      await proxy.stop('go')
    } catch (error) {
      // Why it failed is known already.
      await proxy.stop('go').catch(() => {})
      throw error
    }
  })
  if (cell.lowerBoundOf === undefined) return
  step('lower-bound')
  await recordLowerBounds(cell, cell.lowerBoundOf, lab, recorder)
}

async function recordLowerBounds(
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
    // Each turn is applied once and its writes are sent twice; and a lower bound spreads less than what stands on it.
    const length = Math.min(maxLowerBoundTurns[effort], turnsOf(scenario, effort, 6 * applyMs))
    return { name: scenario.name, length }
  })
  const lowerBounds = await measureLowerBound(lab.node, dataplane, { spec, scenarios })
  for (const { name, of, values } of lowerBounds) {
    const metrics =
      name === coldStart.name
        ? (['apply', 'listToCommit'] as const)
        : (['apply', 'computeAndApply', 'eventToCommit'] as const)
    for (const metric of metrics) recorder.addLowerBound(about, name, metric, of, values)
  }
}
