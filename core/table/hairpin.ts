import type { Evaluation } from './evaluate.ts'
import type { RoutingTable } from './routing-table.ts'
import type { Endpoint } from './service-route.ts'

type Balance = Extract<Evaluation, { verdict: 'balance' }>

/**
 * The endpoints that see this node's address in place of the client's: all of them where the verdict says so, else the
 * local endpoint that the client itself is (hairpin), because its answer would otherwise not pass the node.
 */
export function masqueradedEndpoints(evaluation: Balance, table: RoutingTable): readonly Endpoint[] {
  const { endpoints, masquerade, packet } = evaluation
  if (masquerade) return endpoints
  if (!table.hairpinAddresses.has(packet.source)) return []
  return endpoints.filter(({ address }) => address === packet.source)
}
