import { type EndpointScope, masquerades, type VerdictLetter } from '@portolan/core'
import type { ChainDeclaration, ChainEntry, Setting } from './chain.ts'
import { expressions } from './expressions.ts'
import { isVerdictLetter, type Policy, policyNumber, policyText } from './numbers.ts'
import { allowedSourceSet, balanceChainsOf, countsOf, policyChainsOf } from './sets.ts'
import { nftFamily, type Place, rejectChain } from './table.ts'

/** Where a verdict leads: a chain, or the end. */
function target(place: Place, letter: VerdictLetter): string {
  switch (letter) {
    case 'r':
      return `goto ${rejectChain}`
    case 'd':
      return 'drop'
    default:
      return `goto ${deliveryChain(place, scopeOf(letter), masquerades(letter))}`
  }
}

function scopeOf(letter: 'c' | 'C' | 'l' | 'L'): EndpointScope {
  return letter.toLowerCase() === 'c' ? 'cluster' : 'local'
}

function deliveryChain(place: Place, over: EndpointScope, masquerade: boolean): string {
  return `${place}-${over}${masquerade ? '-masquerade' : ''}`
}

export function policyChain(place: Place, policy: Policy): string {
  return `${place}-${policyText(policy)}`
}

/** What {@link policyChain} named; `undefined`: the name is of no such chain. */
export function readPolicyChain(name: string): { place: Place; policy: Policy } | undefined {
  const [, place, pod, node, outside, filtered] = /^(vip|nodeport)-(.)(.)(.)(-filtered)?$/.exec(name) ?? []
  if (!isVerdictLetter(pod) || !isVerdictLetter(node) || !isVerdictLetter(outside)) return undefined
  return { place: place as Place, policy: { pod, node, outside, filtered: filtered !== undefined } }
}

/** The chains of one policy: source filter, then a verdict for each class of source. */
export function policyChains(setting: Setting, place: Place, policy: Policy): ChainDeclaration[] {
  const { ip, full } = expressions(setting.family)
  const open: Policy = { ...policy, filtered: false }
  const fromPod = podMatch(setting)
  const rules: string[] = []
  if (fromPod !== undefined && policy.pod !== policy.outside)
    rules.push(`${fromPod} ${target(place, policy.pod)}`)
  if (policy.node !== policy.outside) {
    // A pod that is treated like outside must not be taken for the node below it.
    if (fromPod !== undefined && policy.pod === policy.outside)
      rules.push(`${fromPod} ${target(place, policy.pod)}`)
    rules.push(`fib saddr type local ${target(place, policy.node)}`)
  }
  rules.push(target(place, policy.outside))
  const chains: ChainDeclaration[] = [
    {
      name: policyChain(place, open),
      comment: `from pod ${describe(policy.pod)}, node ${describe(policy.node)}, outside ${describe(policy.outside)}`,
      rules,
      entry: entryOf(place, open),
    },
  ]
  if (policy.filtered) {
    chains.push({
      name: policyChain(place, policy),
      comment: 'only from allowed sources',
      rules: [
        `${full(place)} . ${ip} saddr @${allowedSourceSet.name} goto ${policyChain(place, open)}`,
        'drop',
      ],
      entry: entryOf(place, policy),
    })
  }
  return chains
}

function entryOf(place: Place, policy: Policy): ChainEntry {
  return { map: policyChainsOf(place), key: [policyNumber(policy)] }
}

function describe(letter: VerdictLetter): string {
  if (letter === 'r') return 'reject'
  if (letter === 'd') return 'drop'
  return `${scopeOf(letter)}${masquerades(letter) ? ' masqueraded' : ''}`
}

function podMatch(setting: Setting): string | undefined {
  const source = setting.podSource
  switch (source.by) {
    case 'none':
      return undefined
    case 'cidr':
      return `${nftFamily(setting.family)} saddr ${source.cidr}`
    case 'interface':
      return `iifname "${source.name}"`
    case 'interfacePrefix':
      return `iifname "${source.prefix}*"`
  }
}

/** The chains that lead from a policy to the chain for a route's number of endpoints. */
export function deliveryChains(setting: Setting, place: Place, over: EndpointScope): ChainDeclaration[] {
  const { full } = expressions(setting.family)
  const mark = `0x${(2 ** setting.masqueradeBit).toString(16)}`
  return [
    {
      name: deliveryChain(place, over, false),
      rules: [
        `meta priority set ${full(place)} map @${countsOf(place, over).name}`,
        `meta l4proto . meta priority vmap @${balanceChainsOf(place, over).name}`,
        // A packet between two states of the table: dropped, and sent again by its client; never leaked as it is.
        'drop',
      ],
    },
    {
      name: deliveryChain(place, over, true),
      rules: [`meta mark set meta mark | ${mark}`, `goto ${deliveryChain(place, over, false)}`],
    },
  ]
}
