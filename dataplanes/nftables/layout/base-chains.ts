import { createHash } from 'node:crypto'
import type { ChainDeclaration, Setting } from './chain.ts'
import { expressions } from './expressions.ts'
import {
  clusterIpSet,
  hairpinSet,
  nodePortAddressSet,
  policiesOf,
  policyChainsOf,
  serviceCidrSet,
} from './sets.ts'
import { layoutVersion, type Place, rejectChain } from './table.ts'

const markerOfLayout = `layout-${layoutVersion}-`

/**
 * A chain that says by its name on what version and setting the table stands. A table without it is not of this layout
 * and is replaced.
 */
export function markerChain(setting: Setting): string {
  const text = JSON.stringify([setting.podSource, setting.masqueradeBit])
  return `${markerOfLayout}${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

/** Whether a table with these chains is of this version's layout, with whatever setting. */
export function isOurLayout(chains: Iterable<string>): boolean {
  return [...chains].some((name) => name.startsWith(markerOfLayout))
}

/** The chains that every table has. First packets of connections come through these alone: all hooks are of type nat. */
export function baseChains(setting: Setting): ChainDeclaration[] {
  const { ip, full } = expressions(setting.family)
  const mark = `0x${(2 ** setting.masqueradeBit).toString(16)}`
  const lookUp = (place: Place) =>
    `meta priority set ${full(place)} map @${policiesOf(place).name} meta priority vmap @${policyChainsOf(place).name}`
  return [
    { name: markerChain(setting), rules: [] },
    {
      name: 'services',
      rules: [
        lookUp('vip'),
        `${ip} daddr @${nodePortAddressSet.name} ${lookUp('nodeport')}`,
        // A ClusterIP that some agent has bound to an interface of this node is the agent's (NodeLocal DNSCache).
        `${ip} daddr @${clusterIpSet.name} fib daddr type != local goto ${rejectChain}`,
        `${ip} daddr @${serviceCidrSet.name} fib daddr type != local drop`,
      ],
    },
    {
      name: rejectChain,
      rules: ['meta l4proto tcp reject with tcp reset', 'reject'],
    },
    {
      name: 'prerouting',
      hook: 'type nat hook prerouting priority dstnat ; policy accept ;',
      rules: ['jump services'],
    },
    // nft refuses the name dstnat in the output hook.
    {
      name: 'output',
      hook: 'type nat hook output priority -100 ; policy accept ;',
      rules: ['jump services'],
    },
    {
      name: 'postrouting',
      hook: 'type nat hook postrouting priority srcnat ; policy accept ;',
      rules: [
        `meta mark & ${mark} == ${mark} meta mark set meta mark ^ ${mark} masquerade fully-random`,
        `ct status dnat ${ip} saddr . ${ip} daddr @${hairpinSet.name} masquerade fully-random`,
      ],
    },
  ]
}
