import type { ApiObject } from '@portolan/api-server'
import type { ClusterChange } from '../cluster/cluster-change.ts'
import type { GeneratedCluster } from '../cluster/generated-cluster.ts'

/**
 * A kind of change to a cluster, as data: what is written to the API server, turn by turn. After `length` turns, always
 * an even number, everything is as it was; so the same kernel writes can be sent again and again for the floor.
 */
export interface ChangeScenario {
  readonly kind: 'change'
  readonly name: string
  /** A sentence for the report and `--list`. */
  readonly meaning: string
  /** Turns of odd number are measured under this name; absent: under the same. */
  readonly oddTurns?: { readonly name: string; readonly meaning: string }
  /** Turns that a quick run takes, and a thorough one. */
  readonly turns: { readonly quick: number; readonly thorough: number }
  /** Turns go up with the cluster: where a turn concerns every Service, large clusters take fewer of them. */
  readonly concerns?: 'everything'
  /** Objects that the scenario needs besides the cluster's own. */
  readonly objects?: () => ApiObject[]
  change(cluster: GeneratedCluster, turn: number, length: number): ClusterChange
}

/** How many turns are taken in a cluster of this size. */
export function turnsOf(scenario: ChangeScenario, effort: 'quick' | 'thorough', services: number): number {
  const turns = scenario.turns[effort]
  if (scenario.concerns !== 'everything') return turns
  return Math.max(2, 2 * Math.floor(Math.min(turns, (turns * 1000) / services) / 2))
}
