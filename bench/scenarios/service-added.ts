import { serviceObject, sliceObjects } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

export const serviceAdded: ChangeScenario = {
  kind: 'change',
  name: 'service-added',
  meaning: 'A Service and its EndpointSlices are created.',
  oddTurns: { name: 'service-deleted', meaning: 'A Service and its EndpointSlices are deleted.' },
  turns: { quick: 60, thorough: 400 },
  change(cluster, turn) {
    const service = cluster.service(cluster.shape.services + (turn >> 1))
    const objects = [serviceObject(service), ...sliceObjects(service)]
    return turn % 2 === 0 ? { write: objects } : { remove: objects }
  },
}
