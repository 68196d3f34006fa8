import type { Evaluation } from '@portolan/core'
import { frontendText } from './print.ts'

/** The way of a packet: the map elements that decide, a line a step. */
export function trace(evaluation: Evaluation): string[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const where =
    sourceClass === 'node'
      ? 'a socket of the node: connect, sendmsg; else tc egress'
      : 'tc ingress; a socket of a pod: connect, sendmsg, where no source address counts'
  if (!('frontend' in evaluation)) {
    const map = evaluation.because === 'otherPort' ? 'map frontends: clusterIP' : 'map ranges: unallocated'
    return [where, `${map} ${packet.destination}: ${evaluation.verdict}`]
  }
  const { frontend, route } = evaluation
  const found = `map frontends: ${frontendText(frontend)}/${route.protocol} from ${sourceClass}`
  if (evaluation.verdict !== 'balance') {
    const because =
      evaluation.because === 'allowedSources'
        ? `map ranges: ${packet.source} is in none of ${frontend.allowedSources?.join(', ') || 'no range at all'}`
        : found
    return [where, ...(because === found ? [] : [found]), `${because}: ${evaluation.verdict}`]
  }
  const { over, endpoints, masquerade } = evaluation
  const choice =
    route.affinitySeconds === undefined
      ? 'at random'
      : `the one in map affinities, kept for ${route.affinitySeconds} s, else at random`
  return [
    where,
    `${found}: service ${route.name}`,
    `map services: one of ${endpoints.length} ${over} endpoints in map endpoints, ${choice}`,
    ...(masquerade ? ["map flows: masquerade with the outgoing interface's address in map devices"] : []),
  ]
}
