import { serviceObject } from '../cluster/generated-cluster.ts'
import type { ChangeScenario } from './change-scenario.ts'

export const portChanged: ChangeScenario = {
  kind: 'change',
  name: 'port-changed',
  meaning: 'A Service answers at another port.',
  turns: { quick: 60, thorough: 400 },
  change(cluster, turn) {
    const service = cluster.scattered(turn >> 1)
    return { write: [serviceObject(turn % 2 === 0 ? { ...service, port: 8080 } : service)] }
  },
}
