import { extraService } from '../cluster/extra-service.ts'
import { endpointsPerSlice, serviceObject, sliceObject, sliceObjects } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

const endpoints = 250
const service = extraService('rolling', 2, endpoints)

/** One way in the first half of the turns, and back in the second. */
export const rollingUpdate: ChangeScenario = {
  kind: 'change',
  name: 'rolling-update',
  meaning: 'One step of the rolling update of a Service of 250 endpoints: one endpoint is replaced.',
  turns: { quick: 60, thorough: 500 },
  objects: () => [serviceObject(service), ...sliceObjects(service)],
  change(_, turn, length) {
    const half = length / 2
    const [done, step] = turn < half ? [turn + 1, turn] : [length - turn - 1, length - turn - 1]
    const spread = (count: number) => Math.floor((count * endpoints) / half)
    const replaced = new Set(Array.from({ length: done }, (_, count) => spread(count)))
    return { write: [sliceObject(service, Math.floor(spread(step) / endpointsPerSlice), replaced)] }
  },
}
