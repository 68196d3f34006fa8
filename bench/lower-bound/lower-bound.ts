import type { Host } from '@portolan/lab'
import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import { inLab, type NamedDataplane } from '../proxy/lab-settings.ts'
import type { LowerBound } from '../results.ts'
import { WorkerProcess } from '../worker-process/worker-process.ts'

export interface LowerBoundRequest {
  readonly spec: ClusterSpec
  /** What `loadDataplane` takes. */
  readonly module: string
  readonly settings: Readonly<Record<string, string>>
  readonly networkNamespace: string
  /** Change scenarios, and how many turns of each. */
  readonly scenarios: readonly { readonly name: string; readonly length: number }[]
}

export interface LowerBoundValues {
  /** A scenario's name, `cold-start` first. */
  readonly name: string
  readonly of: LowerBound['of']
  /** Milliseconds of each turn. */
  readonly values: readonly number[]
}

export interface LowerBoundCalls {
  measure(request: LowerBoundRequest): Promise<readonly LowerBoundValues[]>
}

/**
 * The least that a dataplane's kernel writes cost: each apply's are recorded, and sent again from prepared buffers. On a
 * node that holds nothing of this dataplane, and in a process of its own.
 */
export async function measureLowerBound(
  node: Host,
  dataplane: NamedDataplane,
  request: Pick<LowerBoundRequest, 'spec' | 'scenarios'>,
): Promise<readonly LowerBoundValues[]> {
  const process = new WorkerProcess<LowerBoundCalls>({
    module: new URL('./lower-bound-process.ts', import.meta.url),
    networkNamespace: node.networkNamespace,
  })
  try {
    return await process.call('measure', {
      ...request,
      module: dataplane.module,
      settings: inLab(dataplane, node),
      networkNamespace: node.networkNamespace,
    })
  } finally {
    await process.end()
  }
}
