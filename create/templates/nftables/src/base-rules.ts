import { createHash } from 'node:crypto'
import type { PodSource } from '@portolan/core'

export const tableName = 'portolan-acme'

/** The chains that every table has, with their rules; those with a hook are where packets come in. */
export function baseChains(podSource: PodSource, mark: string): ReadonlyMap<string, readonly string[]> {
  const classify = [...podRule(podSource), 'fib saddr type local goto from-node', 'goto from-outside']
  const lookUp = (source: string) => [
    `ip daddr . meta l4proto . th dport vmap @from-${source}`,
    // The address of a NodePort's element is 0.0.0.0.
    `ip daddr @nodeport-addresses ip daddr & 0.0.0.0 . meta l4proto . th dport vmap @from-${source}`,
    'ip daddr @service-cidrs fib daddr type != local drop',
  ]
  const chains = new Map<string, readonly string[]>([
    ['from-pod', lookUp('pod')],
    ['from-node', lookUp('node')],
    ['from-outside', lookUp('outside')],
    ['prerouting', classify],
    ['output', classify],
    [
      'postrouting',
      [
        `meta mark & ${mark} == ${mark} meta mark set meta mark ^ ${mark} masquerade fully-random`,
        'ct status dnat ip saddr . ip daddr @hairpin masquerade fully-random',
      ],
    ],
  ])
  // An empty chain that tells by its name which rules these are: a table with others is replaced.
  const rules = createHash('sha256')
    .update(JSON.stringify([...chains]))
    .digest('hex')
    .slice(0, 8)
  return chains.set(`layout-${rules}`, [])
}

const hooks: Readonly<Record<string, string>> = {
  prerouting: '{ type nat hook prerouting priority dstnat ; }',
  output: '{ type nat hook output priority -100 ; }',
  postrouting: '{ type nat hook postrouting priority srcnat ; }',
}

const sets: readonly string[] = [
  ...['pod', 'node', 'outside'].map(
    (source) => `map T from-${source} { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
  ),
  'set T nodeport-addresses { type ipv4_addr ; }',
  'set T service-cidrs { type ipv4_addr ; flags interval ; }',
  'set T hairpin { type ipv4_addr . ipv4_addr ; }',
]

/** nft's commands for the table without any Service. */
export function baseRulesCommands(chains: ReadonlyMap<string, readonly string[]>): string[] {
  const at = `ip ${tableName}`
  return [
    `add table ${at}`,
    ...sets.map((set) => `add ${set.replace(' T ', ` ${at} `)}`),
    ...[...chains.keys()].map((name) => `add chain ${at} ${name} ${hooks[name] ?? ''}`.trimEnd()),
    ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `add rule ${at} ${name} ${rule}`)),
  ]
}

function podRule(source: PodSource): string[] {
  switch (source.by) {
    case 'none':
      return []
    case 'cidr':
      return [`ip saddr ${source.cidr} goto from-pod`]
    case 'interface':
      return [`iifname "${source.name}" goto from-pod`]
    case 'interfacePrefix':
      return [`iifname "${source.prefix}*" goto from-pod`]
  }
}
