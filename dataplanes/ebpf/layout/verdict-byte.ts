import type { Frontend, PodSource, ServiceRoute, SourceClass } from '@portolan/core'
import { verdictBit } from './structures.ts'

/** The class that sockets of pods count as: where nothing tells pods from others, they are others. */
export function classOfPods(podSource: PodSource): SourceClass {
  return podSource.by === 'none' ? 'outside' : 'pod'
}

/** What to do with connections of a class of source, as bits. */
export function verdictByte(
  route: ServiceRoute,
  frontend: Frontend,
  from: SourceClass,
  podSource: PodSource,
): number {
  const verdict = frontend.verdicts[from]
  const early = canActAtSocket(route, frontend, from, podSource) ? verdictBit.atSocket : 0
  if (verdict.do !== 'balance') return verdictBit[verdict.do] | early
  return (
    verdictBit.balance |
    (verdict.over === 'local' ? verdictBit.local : 0) |
    (verdict.masquerade ? verdictBit.masquerade : 0) |
    early
  )
}

/**
 * Whether a connection can be led to its endpoint when the socket connects. Not where the source address counts
 * (ranges, affinity of pods), where it must change (masquerade of pods, hairpin), and not to drop: a connect that
 * fails at once is no silence.
 */
function canActAtSocket(
  route: ServiceRoute,
  { allowedSources, verdicts }: Frontend,
  from: SourceClass,
  podSource: PodSource,
): boolean {
  const verdict = verdicts[from]
  if (verdict.do === 'drop') return false
  // With source ranges only where the node asks itself, which asks_itself in sockets.h sees to.
  if (from === 'node') return true
  if (allowedSources !== undefined) return false
  if (from !== classOfPods(podSource)) return false
  if (verdict.do === 'reject') return true
  const { over, masquerade } = verdict
  const hairpin = route.endpoints[over].some(({ local }) => local)
  return !masquerade && !hairpin && route.affinitySeconds === undefined
}
