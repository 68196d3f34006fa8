import type { ClusterShape } from '../cluster/generated-cluster.ts'
import type { ExternalProgram } from '../external/external-proxy.ts'
import type { RecordingChoice } from '../recording/recorded-cluster.ts'
import type { Candidate } from '../results.ts'
import type { ChangeScenario } from '../scenarios/change-scenario.ts'
import { chooseScenarios, type Scenario, scenarioNames } from '../scenarios/index.ts'
import type { Effort, NodeScenario } from '../scenarios/node-scenario.ts'

/** What was asked for: every candidate at every shape by every scenario, so many times. */
export interface Grid {
  /** Absent: the usual sizes. */
  readonly services?: readonly number[]
  readonly endpoints?: readonly number[]
  /** Names for `--dataplane`; absent: all there are. */
  readonly dataplanes?: readonly string[]
  /** Names for `--scenario`; absent: the usual ones. */
  readonly scenarios?: readonly string[]
  readonly repeat: number
  readonly effort: Effort
  /** Other programs, measured beside the dataplanes; absent: none. */
  readonly externals?: readonly ExternalProgram[]
  /** How many endpoints a soak replaces; absent: by the effort. */
  readonly changes?: number
  /** Path of a kubeconfig: a given API server in place of the embedded one. */
  readonly apiServer?: string
  /** In place of clusters of the shapes above. */
  readonly recording?: RecordingChoice & { readonly speed: number }
}

/** Sizes that take less than three minutes together, on two cores. */
const defaultShape = { services: [100, 500, 2000], endpoints: [10] } as const

/** A recorded cluster has its own changes, and is measured by no others. */
export const inRecording: readonly string[] = [
  'cold-start',
  'first-packet',
  'connect',
  'replay',
  'warm-restart',
]

/** What can be done to a cluster that already exists, with Services and EndpointSlices in namespaces of its own alone. */
export const inGivenCluster: readonly string[] = [
  'cold-start',
  'endpoint-replaced',
  'endpoints-100',
  'service-added',
  'port-changed',
  'rolling-update',
  'large-service',
  'first-packet',
  'first-packet-quiet',
  'connect',
  'failed-apply',
  'warm-restart',
  'watch-load',
]

/** Left to those who ask for them: each takes long, or tells much the same as another. */
const onRequest: readonly string[] = [
  'churn-20',
  'large-service',
  'watch-load',
  'first-packet-quiet',
  'first-packet-added',
  'first-packet-churn',
  'connect-sampled',
  'node-connect',
  'throughput',
  'audit',
  'cleanup',
  'soak',
]

/** Baselines serve ClusterIPs alone. */
const withNodePort: readonly string[] = ['throughput']

/**
 * What is shown of upstream's layouts unless more was asked for: at sizes at which they take seconds rather than
 * minutes.
 */
const baselineShare = {
  services: 1000,
  scenarios: ['cold-start', 'endpoint-replaced', 'first-packet', 'connect', 'churn-200'],
}

export function shapesOf({
  services = defaultShape.services,
  endpoints = defaultShape.endpoints,
}: Grid): ClusterShape[] {
  return services.flatMap((count) =>
    endpoints.map((endpointsPerService) => ({ services: count, endpointsPerService })),
  )
}

/** @throws RangeError for an unknown name */
export function scenariosOf({ scenarios, effort, recording, apiServer }: Grid): Scenario[] {
  if (recording !== undefined) return chooseScenarios(scenarios ?? inRecording)
  if (scenarios !== undefined) return chooseScenarios(scenarios)
  const all = scenarioNames()
    .map(({ name }) => name)
    .filter((name) => name !== 'replay')
    .filter((name) => apiServer === undefined || inGivenCluster.includes(name))
  return chooseScenarios(effort === 'thorough' ? all : all.filter((name) => !onRequest.includes(name)))
}

/** Those of the scenarios that this candidate is measured by at this shape. */
export function scenariosFor(
  { name, kind }: Candidate,
  shape: ClusterShape,
  scenarios: readonly (NodeScenario | ChangeScenario)[],
  grid: Grid,
): (NodeScenario | ChangeScenario)[] {
  const asked = grid.dataplanes?.includes(name) === true || grid.effort === 'thorough'
  const limited = kind === 'baseline' && !asked
  if (limited && shape.services > baselineShare.services) return []
  return scenarios.filter((scenario) => {
    if (limited && grid.scenarios === undefined && !baselineShare.scenarios.includes(scenario.name))
      return false
    if (kind === 'baseline' && withNodePort.includes(scenario.name)) return false
    if (scenario.kind === 'node') return kind !== 'external' || scenario.fromOutside
    return kind !== 'external' && (scenario.fits?.(shape) ?? true)
  })
}
