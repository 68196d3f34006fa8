import type { ApiObject } from '@portolan/api-server'
import { type ClusterShape, GeneratedCluster } from './generated-cluster.ts'

/** Which cluster a process is to make for itself: objects are too many to send from one to another. */
export type ClusterSpec = { readonly from: 'generated'; readonly shape: ClusterShape }

/** Cluster state to measure with. */
export interface BenchCluster {
  readonly shape: ClusterShape
  objects(): Iterable<ApiObject>
}

export function openCluster(spec: ClusterSpec): GeneratedCluster {
  return new GeneratedCluster(spec.shape)
}
