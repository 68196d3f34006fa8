import type { ApiObject } from '@portolan/api-server'
import type { ClusterChange } from '../cluster/cluster-change.ts'
import type { ClusterShape, GeneratedCluster } from '../cluster/generated-cluster.ts'
import type { Effort } from './node-scenario.ts'

/**
 * A kind of change to a cluster, as data: what is written to the API server, turn by turn. After `length` turns, any
 * even number, everything is as it was; so the same kernel writes can be sent again and again for the lower bound.
 */
export interface ChangeScenario {
  readonly kind: 'change'
  readonly name: string
  /** A sentence for the report and `--list`. */
  readonly meaning: string
  /** Turns of odd number are measured under this name; absent: under the same. */
  readonly oddTurns?: { readonly name: string; readonly meaning: string }
  /** Turns that a quick run takes, and a thorough one, if time allows. */
  readonly turns: { readonly quick: number; readonly thorough: number }
  /** Whether there is anything to change in a cluster of this shape; absent: in any. */
  readonly fits?: (shape: ClusterShape) => boolean
  /** Objects that the scenario needs besides the cluster's own. */
  readonly objects?: () => ApiObject[]
  change(cluster: GeneratedCluster, turn: number, length: number): ClusterChange
}

/** What all turns of a scenario may take together, in milliseconds, unless a few turns take more. */
const budgetMs = { quick: 1_000, thorough: 60_000 }
const minTurns = 2

/** An even number of turns, fewer where each takes long. @param turnMs what a turn was seen to take */
export function turnsOf({ turns }: ChangeScenario, effort: Effort, turnMs: number): number {
  const affordable = Math.max(minTurns, Math.floor(budgetMs[effort] / turnMs))
  return 2 * Math.floor(Math.min(turns[effort], affordable) / 2)
}
