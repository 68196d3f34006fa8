import { type Frontend, letterOf, type SourceClass, type VerdictLetter, type Verdicts } from '@portolan/core'

/** What a frontend does by who asks. */
export type Policy = Readonly<Record<SourceClass, VerdictLetter>>

export function policyOf({ pod, node, outside }: Verdicts): Policy {
  return { pod: letterOf(pod), node: letterOf(node), outside: letterOf(outside) }
}

export function policyText({ pod, node, outside }: Policy): string {
  return pod + node + outside
}

/**
 * What happens to sources that a frontend does not balance: one answer for all such sources. The core never mixes the two;
 * where a table did, silence wins, because endpoints exist somewhere.
 */
export function refusalOf({ verdicts }: Frontend): 'reject' | 'drop' | undefined {
  const kinds = [verdicts.pod.do, verdicts.node.do, verdicts.outside.do]
  if (kinds.includes('drop')) return 'drop'
  return kinds.includes('reject') ? 'reject' : undefined
}
