import { extraService } from '../cluster/extra-service.ts'
import { endpointsPerSlice, serviceObject, sliceObject, sliceObjects } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

const endpoints = 10_000
const service = extraService('large', 3, endpoints)

export const largeService: ChangeScenario = {
  kind: 'change',
  name: 'large-service',
  meaning: 'One endpoint is replaced of a Service that has 10,000.',
  turns: { quick: 20, thorough: 200 },
  objects: () => [serviceObject(service), ...sliceObjects(service)],
  change(_, turn) {
    const position = ((turn >> 1) * 7919) % endpoints
    const replaced = turn % 2 === 0 ? new Set([position]) : undefined
    return { write: [sliceObject(service, Math.floor(position / endpointsPerSlice), replaced)] }
  },
}
