import { RecordedCluster } from '../recording/recorded-cluster.ts'
import { type ClusterShape, GeneratedCluster } from './generated-cluster.ts'

/** Which cluster a process is to make for itself: objects are too many to send from one to another. */
export type ClusterSpec =
  | { readonly from: 'generated'; readonly shape: ClusterShape }
  /** `node`: which of its nodes is measured, `most`, `median` or a name. */
  | { readonly from: 'recording'; readonly path: string; readonly node: string; readonly shape: ClusterShape }

/** @throws RecordingError, and the errors of opening a file */
export async function openCluster(spec: ClusterSpec): Promise<GeneratedCluster | RecordedCluster> {
  return spec.from === 'generated' ? new GeneratedCluster(spec.shape) : await RecordedCluster.open(spec)
}
