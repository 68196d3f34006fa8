import type { ClusterChange } from '../cluster/cluster-change.ts'
import { endpointsPerSlice, type GeneratedCluster, sliceObject } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

/** The commonest change of a cluster: a pod is gone and another one has come. */
export const endpointReplaced: ChangeScenario = {
  kind: 'change',
  name: 'endpoint-replaced',
  meaning: 'One endpoint of one Service has another address.',
  turns: { quick: 100, thorough: 1000 },
  change(cluster, turn) {
    const service = cluster.scattered(turn >> 1)
    const position = Math.min(3, service.endpoints - 1)
    const replaced = turn % 2 === 0 ? new Set([position]) : undefined
    return { write: [sliceObject(service, Math.floor(position / endpointsPerSlice), replaced)] }
  },
}

/** An endpoint is replaced by another one each time, so that no two changes cancel each other out. */
export function endpointChurned(cluster: GeneratedCluster, turn: number): ClusterChange {
  const service = cluster.scattered(turn)
  const position = Math.min(3, service.endpoints - 1)
  const version = 1 + (Math.floor(turn / cluster.shape.services) % 59)
  return {
    write: [sliceObject(service, Math.floor(position / endpointsPerSlice), new Set([position]), version)],
  }
}
