import type { ClusterShape } from './cluster/generated-cluster.ts'
import type { Effort } from './scenarios/stage.ts'

/** What is measured: every candidate at every shape by every scenario, so many times. */
export interface Grid {
  readonly services: readonly number[]
  readonly endpoints: readonly number[]
  /** Names for `--dataplane`; empty: the usual ones. */
  readonly dataplanes: readonly string[]
  /** Names for `--scenario`; empty: the usual ones. */
  readonly scenarios: readonly string[]
  readonly repeat: number
  readonly effort: Effort
}

/** Under three minutes on two cores. */
export const quickGrid = { services: [100, 1000, 5000], endpoints: [10] } as const

/** Left out of a quick run: each takes long, or tells much the same as another. */
export const thoroughOnly: readonly string[] = ['churn-20', 'large-service', 'watch-load']

export function shapesOf({ services, endpoints }: Grid): ClusterShape[] {
  return services.flatMap((count) =>
    endpoints.map((endpointsPerService) => ({ services: count, endpointsPerService })),
  )
}
