import type { Evaluation, RoutingTable } from '@portolan/core'
import { contentsOfTable } from './contents.ts'

/** The element that a packet is looked up by, and the rules of the chain that it leads to. */
export function trace(table: RoutingTable, evaluation: Evaluation, mark: string): readonly string[] {
  if (!('frontend' in evaluation)) return []
  const { frontend, packet, route, sourceClass } = evaluation
  const address = frontend.address ?? '0.0.0.0'
  const key = `from-${sourceClass} ${address} . ${packet.protocol.toLowerCase()} . ${packet.port}`
  const { chains, elements } = contentsOfTable({ ...table, routes: new Map([[route.key, route]]) }, mark)
  const chain = elements.get(key) ?? ''
  return [`${key} : goto ${chain}`, ...(chains.get(chain) ?? []).map((rule) => `chain ${chain}: ${rule}`)]
}
