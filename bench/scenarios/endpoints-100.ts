import { extraService } from '../cluster/extra-service.ts'
import { serviceObject, sliceObject, sliceObjects } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

const service = extraService('hundred', 1, 100)
const all = new Set(Array.from({ length: 100 }, (_, position) => position))

export const endpoints100: ChangeScenario = {
  kind: 'change',
  name: 'endpoints-100',
  meaning: 'All 100 endpoints of a Service are replaced in one update of its EndpointSlice.',
  turns: { quick: 40, thorough: 200 },
  objects: () => [serviceObject(service), ...sliceObjects(service)],
  change: (_, turn) => ({ write: [sliceObject(service, 0, turn % 2 === 0 ? all : undefined)] }),
}
