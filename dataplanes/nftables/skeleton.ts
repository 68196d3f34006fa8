import { createHash } from 'node:crypto'
import type { IpFamily, PodSource, Protocol } from '@portolan/core'
import {
  affinityClients,
  affinityEndpointsOf,
  affinityPicksOf,
  affinityRoutesOf,
  allowedSourceSet,
  balanceChainsOf,
  clusterIpSet,
  countsOf,
  endpointsOf,
  type Field,
  hairpinSet,
  layoutVersion,
  nftFamily,
  nodePortAddressSet,
  type Over,
  type Place,
  policiesOf,
  policyChainsOf,
  type SetDeclaration,
  serviceCidrSet,
  tableName,
} from './layout.ts'
import { type Choice, type Policy, policyText, type VerdictLetter } from './numbers.ts'

/** What the static chains depend on; fixed for the life of the process. */
export interface Setting {
  readonly family: IpFamily
  readonly podSource: PodSource
  readonly masqueradeBit: number
}

/** A chain with its rules, in nft's language. */
export interface ChainDeclaration {
  readonly name: string
  /** `type nat hook ...` for a base chain. */
  readonly hook?: string
  readonly comment?: string
  readonly rules: readonly string[]
}

const protocolName = (protocol: Protocol): string => protocol.toLowerCase()

/** The expressions of a family. */
function words(family: IpFamily) {
  const ip = nftFamily(family)
  const full = (place: Place) =>
    place === 'vip' ? `${ip} daddr . meta l4proto . th dport` : 'meta l4proto . th dport'
  const within = (place: Place, protocol: Protocol) =>
    place === 'vip' ? `${ip} daddr . ${protocolName(protocol)} dport` : `${protocolName(protocol)} dport`
  /**
   * The client, as part of the affinity map's key; in IPv6 the last 96 bits of its address. With all 128, nft 1.0.6
   * writes a map's update so that the data overwrites the last word of the key, and every client is forgotten at once
   * (`nft --debug=netlink` shows it). Clients whose addresses differ in the first 32 bits alone share an endpoint.
   */
  const client = family === 'IPv4' ? 'ip saddr' : '@nh,96,96'
  return { ip, full, within, client }
}

/**
 * A chain that says by its name on what version and setting the table stands. A table without it is not of this layout
 * and is replaced.
 */
export function markerChain(setting: Setting): string {
  const text = JSON.stringify([setting.podSource, setting.masqueradeBit])
  return `layout-${layoutVersion}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}

/** The chains that every table has. First packets of connections come through these alone: all hooks are of type nat. */
export function baseChains(setting: Setting): ChainDeclaration[] {
  const { ip, full } = words(setting.family)
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
        `${ip} daddr @${clusterIpSet.name} fib daddr type != local reject`,
        `${ip} daddr @${serviceCidrSet.name} fib daddr type != local drop`,
      ],
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

/** Where a verdict leads: a chain, or the end. */
function target(place: Place, letter: VerdictLetter): string {
  switch (letter) {
    case 'r':
      return 'reject'
    case 'd':
      return 'drop'
    default:
      return `goto ${deliveryChain(place, overOf(letter), letter === letter.toUpperCase())}`
  }
}

function overOf(letter: 'c' | 'C' | 'l' | 'L'): Over {
  return letter.toLowerCase() === 'c' ? 'cluster' : 'local'
}

function deliveryChain(place: Place, over: Over, masquerade: boolean): string {
  return `${place}-${over}${masquerade ? '-masquerade' : ''}`
}

export function policyChain(place: Place, policy: Policy): string {
  return `${place}-${policyText(policy)}`
}

/** The chains of one policy: source filter, then a verdict for each class of source. */
export function policyChains(setting: Setting, place: Place, policy: Policy): ChainDeclaration[] {
  const { ip, full } = words(setting.family)
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
    })
  }
  return chains
}

function describe(letter: VerdictLetter): string {
  if (letter === 'r') return 'reject'
  if (letter === 'd') return 'drop'
  return `${overOf(letter)}${letter === letter.toUpperCase() ? ' masqueraded' : ''}`
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
export function deliveryChains(setting: Setting, place: Place, over: Over): ChainDeclaration[] {
  const { full } = words(setting.family)
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

export function balanceChain(place: Place, over: Over, protocol: Protocol, choice: Choice): string {
  const sticky = choice.affinitySeconds === undefined ? '' : `-affinity-${choice.affinitySeconds}`
  return `${place}-${over}-${protocolName(protocol)}-${choice.count}${sticky}`
}

/** The chain that picks one of so many endpoints, uniformly at random. */
export function balanceChains(
  setting: Setting,
  place: Place,
  over: Over,
  protocol: Protocol,
  choice: Choice,
): ChainDeclaration[] {
  const { ip, full, within, client } = words(setting.family)
  const key = within(place, protocol)
  const name = balanceChain(place, over, protocol, choice)
  const random = `numgen random mod ${choice.count}`
  const translate = (slot: string, map: SetDeclaration) =>
    `meta l4proto ${protocolName(protocol)} dnat ${ip} addr . port to ${key} . ${slot} map @${map.name}`
  if (choice.affinitySeconds === undefined) {
    return [{ name, rules: [translate(random, endpointsOf(place, over, protocol)), 'drop'] }]
  }
  const clientOfRoute = `meta priority & 0xffff0000 . ${client}`
  const stick = `${clientOfRoute} timeout ${choice.affinitySeconds}s : meta priority`
  const targets = affinityEndpointsOf(place, over, protocol)
  const keep = affinityKeepChain(place, over, protocol, choice.affinitySeconds)
  return [
    {
      name: keep,
      comment: 'remember the choice, then translate',
      rules: [`update @${affinityClients.name} { ${stick} }`, translate('meta priority', targets), 'drop'],
    },
    {
      name,
      rules: [
        `meta priority set ${full(place)} map @${affinityRoutesOf(place).name}`,
        `meta priority set meta priority . ${client} map @${affinityClients.name}`,
        `meta priority & 0xffff != 0 update @${affinityClients.name} { ${stick} }`,
        // Ends here, unless there is no choice yet or it is of an endpoint that has left. Only by its value can a map be
        // asked whether it has a key: before Linux 6.5 it can't be looked up as a set.
        translate('meta priority', targets),
        // An update would keep the old choice, so that one goes first.
        `delete @${affinityClients.name} { ${clientOfRoute} : meta priority }`,
        `meta priority set ${key} . ${random} map @${affinityPicksOf(place, over, protocol).name}`,
        `goto ${keep}`,
      ],
    },
  ]
}

function affinityKeepChain(place: Place, over: Over, protocol: Protocol, seconds: number): string {
  return `${place}-${over}-${protocolName(protocol)}-affinity-${seconds}`
}

/** The sets that the chains for a choice name. */
export function setsOf(place: Place, over: Over, protocol: Protocol, choice: Choice): SetDeclaration[] {
  if (choice.affinitySeconds === undefined) return [endpointsOf(place, over, protocol)]
  return [
    affinityRoutesOf(place),
    affinityPicksOf(place, over, protocol),
    affinityEndpointsOf(place, over, protocol),
  ]
}

/** Entries of the affinity map; at 2 MiB of buckets a family. When it is full, new clients just don't stick. */
const affinityEntries = 131072

/** `add map ip portolan vips { ... }` */
export function declareSet(setting: Setting, set: SetDeclaration): string {
  const ip = nftFamily(setting.family)
  const what = set.value === undefined ? 'set' : 'map'
  const flags = {
    interval: ' flags interval ;',
    timeout: ` size ${affinityEntries} ; flags dynamic,timeout ;`,
    static: '',
  }
  const kind = set.kind === undefined ? '' : flags[set.kind]
  return `add ${what} ${ip} ${tableName} ${set.name} { ${setType(setting.family, set)} ;${kind} comment "${set.comment}" ; }`
}

function setType(family: IpFamily, set: SetDeclaration): string {
  if (set.kind === 'timeout') return `typeof meta priority . ${words(family).client} : meta priority`
  if (set.example === undefined) {
    const type = (field: Field) => typeNames(family)[field]
    const value = set.value === undefined ? '' : ` : ${set.value.map(type).join(' . ')}`
    return `type ${set.key.map(type).join(' . ')}${value}`
  }
  const port = `${protocolName(set.example)} dport`
  const ip = nftFamily(family)
  const example = (field: Field) => {
    if (field === 'address') return `${ip} daddr`
    if (field === 'port') return port
    return field === 'slot' ? 'numgen random mod 2' : 'meta priority'
  }
  return `typeof ${set.key.map(example).join(' . ')} : ${(set.value ?? []).map(example).join(' . ')}`
}

function typeNames(family: IpFamily): Record<Field, string> {
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr'
  return {
    address,
    range: address,
    protocol: 'inet_proto',
    port: 'inet_service',
    slot: 'integer',
    number: 'classid',
    chain: 'verdict',
  }
}

/** `add chain ...` for every chain, then the rules, so that they may name each other. */
export function declareChains(setting: Setting, chains: readonly ChainDeclaration[]): string[] {
  const at = `${nftFamily(setting.family)} ${tableName}`
  return [
    ...chains.map(({ name, hook, comment }) => {
      const body = [hook, comment === undefined ? undefined : `comment "${comment}" ;`].filter(
        (part) => part !== undefined,
      )
      return body.length === 0 ? `add chain ${at} ${name}` : `add chain ${at} ${name} { ${body.join(' ')} }`
    }),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${at} ${name} ${rule}`)),
  ]
}
