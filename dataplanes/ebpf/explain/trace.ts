import type { Evaluation, RoutingTable, SourceClass, TraceStep } from '@portolan/core'
import { frontendText } from '../compile/print.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import {
  attached,
  type Check,
  holdsClusterIP,
  holdsDevices,
  holdsFrontend,
  holdsNodePortAddress,
  holdsRange,
  holdsRanges,
  holdsService,
  letsNotIn,
} from './checks.ts'

type Step = TraceStep<ObservedState>

/** Where the programs meet a connection, by who asks. Clients outside have no sockets here. */
const hooks: Readonly<Record<SourceClass, string>> = {
  pod: "the pod's socket (connect, sendmsg) where its own address doesn't count; else tc ingress",
  node: "the node's socket (connect, sendmsg); else tc egress",
  outside: 'tc ingress',
}

/** The way of a packet: the map elements that decide, a line a step. */
export function trace(table: RoutingTable, evaluation: Evaluation): Step[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const where = step(hooks[sourceClass], attached)
  if (!('frontend' in evaluation)) {
    const otherPort = evaluation.because === 'otherPort'
    const map = otherPort ? 'map frontends: clusterIP' : 'map ranges: unallocated'
    const holds = otherPort ? holdsClusterIP : holdsRange
    return [where, step(`${map} ${packet.destination}: ${evaluation.verdict}`, holds(packet.destination))]
  }
  const { frontend, route } = evaluation
  const found = `map frontends: ${frontendText(frontend)}/${route.protocol} from ${sourceClass}`
  const holdsFound = [
    ...(frontend.address === undefined ? [holdsNodePortAddress(packet.destination)] : []),
    holdsFrontend(table, route, frontend, sourceClass),
  ]
  const blocked = evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
  const ranges = frontend.allowedSources?.join(', ') || 'no range at all'
  const allowed =
    frontend.allowedSources === undefined || blocked
      ? []
      : [step(`map ranges: ${packet.source} is in one of ${ranges}`, holdsRanges(route, frontend))]
  if (evaluation.verdict !== 'balance') {
    if (blocked) {
      const text = `map ranges: ${packet.source} is in none of ${ranges}: drop`
      return [
        where,
        step(found, ...holdsFound),
        step(text, holdsRanges(route, frontend), letsNotIn(packet.source, route, frontend)),
      ]
    }
    return [where, ...allowed, step(`${found}: ${evaluation.verdict}`, ...holdsFound)]
  }
  const { over, endpoints, masquerade } = evaluation
  const choice =
    route.affinitySeconds === undefined
      ? 'at random'
      : `the one in map affinities, kept for ${route.affinitySeconds} s, else at random`
  return [
    where,
    step(`${found}: service ${route.name}`, ...holdsFound),
    ...allowed,
    step(
      `map services: one of ${endpoints.length} ${over} endpoints in map endpoints, ${choice}`,
      holdsService(route, frontend, over),
    ),
    ...(masquerade
      ? [
          step(
            "map flows: masquerade with the outgoing interface's address in map devices",
            holdsDevices(table),
          ),
        ]
      : []),
  ]
}

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (observedState) => [...new Set(checks.flatMap((check) => check(observedState)))] }
}
