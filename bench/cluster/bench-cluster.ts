import type { ApiObject } from '@portolan/api-server'
import type { ClusterShape } from './generated-cluster.ts'

/** Cluster state to measure with. */
export interface BenchCluster {
  readonly shape: ClusterShape
  objects(): Iterable<ApiObject>
  /** Zone of the node that is measured; `undefined`: none. */
  readonly zone: string | undefined
}
