import type { EndpointScope, Verdict } from './service-route.ts'

export const verdictLetters = ['c', 'C', 'l', 'L', 'r', 'd'] as const

/**
 * A verdict in one letter, for names in the kernel: `c` and `l` balance over the cluster's or the local endpoints,
 * capitals masquerade besides, `r` rejects, `d` drops.
 */
export type VerdictLetter = (typeof verdictLetters)[number]

export function letterOf(verdict: Verdict): VerdictLetter {
  if (verdict.do !== 'balance') return verdict.do === 'reject' ? 'r' : 'd'
  if (verdict.over === 'cluster') return verdict.masquerade ? 'C' : 'c'
  return verdict.masquerade ? 'L' : 'l'
}

/** The list that a verdict balances over; `undefined` for one that refuses. */
export function scopeOfLetter(letter: VerdictLetter): EndpointScope | undefined {
  if (letter === 'c' || letter === 'C') return 'cluster'
  if (letter === 'l' || letter === 'L') return 'local'
  return undefined
}

export function masquerades(letter: VerdictLetter): boolean {
  return letter === 'C' || letter === 'L'
}
