import { zones } from '../cluster/generated-cluster.ts'
import { nodeObject } from '../cluster/probe-services.ts'
import type { ChangeScenario } from './change-scenario.ts'

/** Every endpoint has a hint for its zone, so the endpoints of every Service become others. */
export const zoneChanged: ChangeScenario = {
  kind: 'change',
  name: 'zone-changed',
  meaning: "The node's zone label changes, and all Services are worked out again (topology hints).",
  turns: { quick: 4, thorough: 12 },
  // With one endpoint to a Service no hint leaves any out.
  fits: ({ endpointsPerService }) => endpointsPerService > 1,
  change: (_, turn) => ({ write: [nodeObject(turn % 2 === 0 ? zones[0] : undefined)] }),
}
