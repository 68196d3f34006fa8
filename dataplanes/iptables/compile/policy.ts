import type { EndpointScope, Frontend, SourceClass, Verdict, Verdicts } from '@portolan/core'

/** A verdict as a letter: `c`, `l` balance over cluster or local, capitals masquerade, `r` and `d` refuse. */
export type VerdictLetter = 'c' | 'C' | 'l' | 'L' | 'r' | 'd'

/** What a frontend does by who asks. */
export type Policy = Readonly<Record<SourceClass, VerdictLetter>>

export function policyOf({ pod, node, outside }: Verdicts): Policy {
  return { pod: letterOf(pod), node: letterOf(node), outside: letterOf(outside) }
}

function letterOf(verdict: Verdict): VerdictLetter {
  if (verdict.do === 'reject') return 'r'
  if (verdict.do === 'drop') return 'd'
  const letter = verdict.over === 'cluster' ? 'c' : 'l'
  return verdict.masquerade ? (letter.toUpperCase() as 'C' | 'L') : letter
}

export function policyText({ pod, node, outside }: Policy): string {
  return pod + node + outside
}

/** The list that a verdict balances over; `undefined` for one that refuses. */
export function overOf(letter: VerdictLetter): EndpointScope | undefined {
  if (letter === 'c' || letter === 'C') return 'cluster'
  if (letter === 'l' || letter === 'L') return 'local'
  return undefined
}

export function masquerades(letter: VerdictLetter): boolean {
  return letter === 'C' || letter === 'L'
}

/**
 * What happens to whoever a frontend does not balance: one answer for all such sources. The core never mixes the two;
 * where a table did, silence wins, because endpoints exist somewhere.
 */
export function refusalOf({ verdicts }: Frontend): 'reject' | 'drop' | undefined {
  const kinds = [verdicts.pod.do, verdicts.node.do, verdicts.outside.do]
  if (kinds.includes('drop')) return 'drop'
  return kinds.includes('reject') ? 'reject' : undefined
}
