import { type IpFamily, protocols } from '@portolan/core'
import {
  addressRoot,
  forward,
  input,
  masquerade,
  nodePorts,
  output,
  portRoot,
  postrouting,
  refusals,
  reject,
  services,
  unserved,
} from './chain-names.ts'
import { type SetKind, setName } from './sets.ts'
import type { Chains, Setting } from './setting.ts'
import { markText } from './source-match.ts'

export type TableName = 'nat' | 'filter'

/** Facts of the node, read back with the rules. */
export interface NodeFacts {
  /** Whether conntrack takes every TCP segment for valid (nf_conntrack_tcp_be_liberal). */
  readonly liberal: boolean
}

/** What a table has whatever Services there are; the roots of the dispatch trees apart. */
export function baseChains(table: TableName, setting: Setting, facts: NodeFacts): Chains {
  return table === 'nat' ? natChains(setting) : filterChains(setting, facts)
}

function matchSet(family: IpFamily, kind: SetKind, directions: string): string {
  return `-m set --match-set ${setName(family, kind)} ${directions}`
}

function natChains({ family, masqueradeBit }: Setting): Chains {
  const mark = markText(masqueradeBit)
  return new Map([
    [services, [`-j ${addressRoot}`, `${matchSet(family, 'nodeport-addresses', 'dst')} -j ${nodePorts}`]],
    [nodePorts, protocols.map((protocol) => `-p ${protocol.toLowerCase()} -g ${portRoot(protocol)}`)],
    [
      postrouting,
      [
        `-m mark --mark ${mark}/${mark} -j ${masquerade}`,
        `-m conntrack --ctstate DNAT ${sourceIsDestination(family)} -j MASQUERADE --random-fully`,
      ],
    ],
    // The mark is taken off: an encapsulated packet comes by once more.
    [masquerade, [`-j MARK --set-xmark ${mark}/0x0`, '-j MASQUERADE --random-fully']],
  ])
}

/**
 * Matches a packet whose source is its destination: after translation, an endpoint that reaches itself. Classic BPF can
 * compare two words of a packet, which no other match can, and needs no list of local endpoints.
 */
export function sourceIsDestination(family: IpFamily): string {
  const [source, destination, words] = family === 'IPv4' ? [12, 16, 1] : [8, 24, 4]
  const program: string[] = []
  for (let word = 0; word < words; word++) {
    // Load the word of the source, keep it, load that of the destination, give up if they differ.
    const toTheEnd = (words - word - 1) * 4 + 1
    program.push(`32 0 0 ${source + 4 * word}`, '7 0 0 0', `32 0 0 ${destination + 4 * word}`)
    program.push(`29 0 ${toTheEnd} 0`)
  }
  program.push('6 0 0 65535', '6 0 0 0')
  return `-m bpf --bytecode "${program.length},${program.join(',')}"`
}

function filterChains({ family, masqueradeBit }: Setting, facts: NodeFacts): Chains {
  const mark = markText(masqueradeBit)
  return new Map([
    [
      input,
      [
        // With route_localnet, a neighbour could reach what listens at loopback only (CVE-2020-8558).
        ...(family === 'IPv4'
          ? ['-d 127.0.0.0/8 ! -i lo -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP']
          : []),
        `-p tcp ${matchSet(family, 'health-checks', 'dst')} -j ACCEPT`,
        `-m conntrack --ctstate NEW -j ${refusals}`,
      ],
    ],
    [
      forward,
      [
        // A reply that conntrack can't place would leave untranslated, and its reset would end the connection.
        ...(facts.liberal ? [] : ['-m conntrack --ctstate INVALID -j DROP']),
        `-m mark --mark ${mark}/${mark} -j ACCEPT`,
        '-m conntrack --ctstate RELATED,ESTABLISHED -m conntrack --ctstate DNAT -j ACCEPT',
        `-m conntrack --ctstate NEW -j ${refusals}`,
        `-m conntrack --ctstate NEW -j ${unserved}`,
      ],
    ],
    [output, [refusals, unserved].map((chain) => `-m conntrack --ctstate NEW -j ${chain}`)],
    [refusals, refusalRules(family)],
    [unserved, unservedRules(family)],
    [reject, rejectRules(family)],
  ])
}

/** What becomes of first packets to a Service that were left untranslated. */
function refusalRules(family: IpFamily): string[] {
  const match = (kind: SetKind, directions: string) => matchSet(family, kind, directions)
  const nodePort = match('nodeport-addresses', 'dst')
  return [
    '-m conntrack --ctstate DNAT -j RETURN',
    `${match('filtered', 'dst,dst')} -m set ! --match-set ${setName(family, 'allowed')} dst,dst,src -j DROP`,
    `${match('rejected', 'dst,dst')} -j ${reject}`,
    `${match('dropped', 'dst,dst')} -j DROP`,
    `${match('rejected-nodeports', 'dst,dst')} ${nodePort} -j ${reject}`,
    `${match('dropped-nodeports', 'dst,dst')} ${nodePort} -j DROP`,
  ]
}

/**
 * What becomes of first packets to where a Service could be, and none answers. Not of those that come in for this node itself:
 * somebody has led them here by a route of his own, as the IPVS dataplane does.
 */
function unservedRules(family: IpFamily): string[] {
  // An agent may have bound a ClusterIP to an interface of this node (NodeLocal DNSCache): that is the agent's then.
  const notHere = '-m addrtype ! --dst-type LOCAL'
  return [
    '-m conntrack --ctstate DNAT -j RETURN',
    `${matchSet(family, 'cluster-ips', 'dst')} ${notHere} -j ${reject}`,
    `${matchSet(family, 'service-cidrs', 'dst')} ${notHere} -j DROP`,
  ]
}

/**
 * A TCP client gets a reset. One on this machine would get an ICMP error while its own connect() still holds the socket:
 * Linux keeps the error for later then, and the client learns of it when its SYN is sent again after a second. And of ICMP
 * errors Linux sends a client only some in a second.
 */
export function rejectRules(family: IpFamily): readonly string[] {
  return [
    '-p tcp -j REJECT --reject-with tcp-reset',
    `-j REJECT --reject-with icmp${family === 'IPv4' ? '' : '6'}-port-unreachable`,
  ]
}

/**
 * The rules in the kernel's own chains that lead to ours, without `-A` or `-I`. Loopback is left out before routing:
 * its NodePorts are for processes of the node, whose packets come by in OUTPUT.
 */
export function jumps(table: TableName, family: IpFamily): readonly string[] {
  if (table === 'filter') return [`INPUT -j ${input}`, `FORWARD -j ${forward}`, `OUTPUT -j ${output}`]
  const notLoopback = family === 'IPv4' ? '! -d 127.0.0.0/8 ' : ''
  return [`PREROUTING ${notLoopback}-j ${services}`, `OUTPUT -j ${services}`, `POSTROUTING -j ${postrouting}`]
}
