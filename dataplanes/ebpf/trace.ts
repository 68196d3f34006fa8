import type { Evaluation, SourceClass } from '@portolan/core'
import { frontendText } from './print.ts'

/** Where the programs meet a connection, by who asks. Clients outside have no sockets here. */
const hooks: Readonly<Record<SourceClass, string>> = {
  pod: "the pod's socket (connect, sendmsg) where its own address doesn't count; else tc ingress",
  node: "the node's socket (connect, sendmsg); else tc egress",
  outside: 'tc ingress',
}

/** The way of a packet: the map elements that decide, a line a step. */
export function trace(evaluation: Evaluation): string[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const where = hooks[sourceClass]
  if (!('frontend' in evaluation)) {
    const map = evaluation.because === 'otherPort' ? 'map frontends: clusterIP' : 'map ranges: unallocated'
    return [where, `${map} ${packet.destination}: ${evaluation.verdict}`]
  }
  const { frontend, route } = evaluation
  const found = `map frontends: ${frontendText(frontend)}/${route.protocol} from ${sourceClass}`
  const blocked = evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
  const ranges = frontend.allowedSources?.join(', ') || 'no range at all'
  const allowed =
    frontend.allowedSources === undefined || blocked
      ? []
      : [`map ranges: ${packet.source} is in one of ${ranges}`]
  if (evaluation.verdict !== 'balance') {
    if (blocked) return [where, found, `map ranges: ${packet.source} is in none of ${ranges}: drop`]
    return [where, ...allowed, `${found}: ${evaluation.verdict}`]
  }
  const { over, endpoints, masquerade } = evaluation
  const choice =
    route.affinitySeconds === undefined
      ? 'at random'
      : `the one in map affinities, kept for ${route.affinitySeconds} s, else at random`
  return [
    where,
    `${found}: service ${route.name}`,
    ...allowed,
    `map services: one of ${endpoints.length} ${over} endpoints in map endpoints, ${choice}`,
    ...(masquerade ? ["map flows: masquerade with the outgoing interface's address in map devices"] : []),
  ]
}
