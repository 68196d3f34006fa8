import { createHash } from 'node:crypto'
import type { IpFamily, PodSource } from '@portolan/core'
import { podMatch } from '@portolan/native/netfilter'
import { markTag, markTagMask } from './marks.ts'
import { kernelName, type SetName } from './sets.ts'

/** What the rules depend on besides the family: fixed for the life of the process. */
export interface RuleSetting {
  readonly family: IpFamily
  readonly podSource: PodSource
  readonly masqueradeBit: number
  readonly routeMarkBit: number
}

export type Table = 'raw' | 'mangle' | 'nat' | 'filter'

/** The chains of ours in one iptables table, and the built-in chains that jump to one. */
export interface TableRules {
  readonly table: Table
  readonly chains: ReadonlyMap<string, readonly string[]>
  /** From a built-in chain to ours. */
  readonly jumps: ReadonlyMap<string, string>
}

/** Raised when rules or sets change their meaning. */
const layoutVersion = 2

const hex = (mark: number) => `0x${(mark >>> 0).toString(16)}`

/**
 * All rules of one family, as iptables-save prints them: their number is fixed, whatever the cluster has.
 * docs/ipvs-layout.md tells their story.
 */
export function iptablesRules(setting: RuleSetting): readonly TableRules[] {
  const { family } = setting
  const match = (name: SetName, directions: string) =>
    `-m set --match-set ${kernelName(family, name)} ${directions}`
  const noMatch = (name: SetName, directions: string) =>
    `-m set ! --match-set ${kernelName(family, name)} ${directions}`
  const mapMark = (name: SetName) => `-j SET --map-set ${kernelName(family, name)} dst,dst --map-mark`
  const isNew = '-m conntrack --ctstate NEW'
  const [masquerade, routed] = [hex(2 ** setting.masqueradeBit), hex(2 ** setting.routeMarkBit)]
  const reject = '-j PORTOLAN-IPVS-REJECT'
  const pod = podMatch(setting.podSource)
  const fromPod = (rule: string): string[] => (pod === undefined ? [] : [`${pod} ${rule}`])
  const restricted = `${match('RESTRICTED', 'dst,dst')} ${noMatch('SOURCES', 'dst,dst,src')} -j DROP`

  const mangle: TableRules = {
    table: 'mangle',
    jumps: new Map(
      ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((hook) => [hook, `PORTOLAN-IPVS-${hook}`]),
    ),
    chains: new Map<string, string[]>([
      [
        'PORTOLAN-IPVS-PREROUTING',
        [
          `${isNew} -j PORTOLAN-IPVS-NEW`,
          // What was led to IPVS once is led there for as long as it lasts, whatever becomes of the Service.
          `-m connmark --mark ${routed}/${routed} -m conntrack --ctdir ORIGINAL -j MARK --set-xmark ${routed}/${routed}`,
        ],
      ],
      [
        'PORTOLAN-IPVS-NEW',
        [restricted, ...fromPod('-g PORTOLAN-IPVS-NEW-POD'), `${match('DROP-OUTSIDE', 'dst,dst')} -j DROP`],
      ],
      ['PORTOLAN-IPVS-NEW-POD', [`${match('DROP-POD', 'dst,dst')} -j DROP`]],
      [
        'PORTOLAN-IPVS-INPUT',
        [
          // The route is taken; left on, the mark could lead what IPVS sends on back here.
          `-m mark --mark ${routed}/${routed} -j MARK --set-xmark 0x0/${routed}`,
          ...fromPod(`${isNew} ${mapMark('MARK-POD')}`),
        ],
      ],
      ['PORTOLAN-IPVS-OUTPUT', [`${isNew} -j PORTOLAN-IPVS-NEW-NODE`]],
      [
        'PORTOLAN-IPVS-NEW-NODE',
        [restricted, `${match('DROP-NODE', 'dst,dst')} -j DROP`, mapMark('MARK-NODE')],
      ],
      [
        'PORTOLAN-IPVS-POSTROUTING',
        // IPVS has read it. A tunnel would give it on to its outer packet.
        [
          `-m mark --mark ${hex(markTag)}/${hex(markTagMask)} -m ipvs --ipvs -j MARK --set-xmark 0x0/0xffffffff`,
        ],
      ],
    ]),
  }
  const nat: TableRules = {
    table: 'nat',
    jumps: new Map(['PREROUTING', 'POSTROUTING'].map((hook) => [hook, `PORTOLAN-IPVS-${hook}`])),
    chains: new Map<string, string[]>([
      [
        'PORTOLAN-IPVS-PREROUTING',
        [
          ...fromPod('-g PORTOLAN-IPVS-MASQ-POD'),
          `${match('MASQ-OUTSIDE', 'dst,dst')} -j MARK --set-xmark ${masquerade}/${masquerade}`,
          '-g PORTOLAN-IPVS-SERVE',
        ],
      ],
      [
        'PORTOLAN-IPVS-MASQ-POD',
        [
          `${match('MASQ-POD', 'dst,dst')} -j MARK --set-xmark ${masquerade}/${masquerade}`,
          '-g PORTOLAN-IPVS-SERVE',
        ],
      ],
      ['PORTOLAN-IPVS-SERVE', [`${match('SERVED', 'dst,dst')} -g PORTOLAN-IPVS-LEAD`]],
      [
        'PORTOLAN-IPVS-LEAD',
        [
          `-j CONNMARK --set-xmark ${routed}/${routed}`,
          `-j MARK --set-xmark ${routed}/${routed}`,
          // To its own address: nobody else's rule translates what is led to IPVS. Netfilter asks one chain of type nat after
          // the other until one has decided, and one that decided before this one has kept the packet from being led here.
          `-j NETMAP --to ${family === 'IPv4' ? '0.0.0.0/0' : '::/0'}`,
        ],
      ],
      [
        'PORTOLAN-IPVS-POSTROUTING',
        [
          '-m ipvs ! --ipvs -j RETURN',
          `-m mark --mark ${masquerade}/${masquerade} -g PORTOLAN-IPVS-MASQUERADE`,
          // The node's own: for it any of its addresses will do, and that of the way out is sure to get an answer.
          '-m addrtype --src-type LOCAL -j MASQUERADE --random-fully',
          `${match('HAIRPIN', 'src,dst')} -j MASQUERADE --random-fully`,
        ],
      ],
      ['PORTOLAN-IPVS-MASQUERADE', [`-j MARK --set-xmark ${masquerade}/0x0`, '-j MASQUERADE --random-fully']],
    ]),
  }
  const filter: TableRules = {
    table: 'filter',
    jumps: new Map(['INPUT', 'FORWARD', 'OUTPUT'].map((hook) => [hook, `PORTOLAN-IPVS-${hook}`])),
    chains: new Map<string, string[]>([
      ['PORTOLAN-IPVS-INPUT', [`${isNew} ${match('REFUSED', 'dst,dst')} ${reject}`]],
      [
        'PORTOLAN-IPVS-FORWARD',
        [
          '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
          `${isNew} ${match('REFUSED', 'dst,dst')} ${reject}`,
          `${isNew} ${match('CLUSTER-IPS', 'dst')} ${reject}`,
          `${isNew} ${match('SERVICE-CIDRS', 'dst')} -j DROP`,
        ],
      ],
      ['PORTOLAN-IPVS-OUTPUT', [`${isNew} -j PORTOLAN-IPVS-NEW-NODE`]],
      [
        'PORTOLAN-IPVS-NEW-NODE',
        [
          `${match('REFUSED', 'dst,dst')} ${reject}`,
          // A ClusterIP that some agent has bound to an interface of this node is the agent's (NodeLocal DNSCache).
          '-m addrtype --dst-type LOCAL -j RETURN',
          `${match('CLUSTER-IPS', 'dst')} ${reject}`,
          `${match('SERVICE-CIDRS', 'dst')} -j DROP`,
        ],
      ],
      // A TCP client gets a reset. One on this machine would get an ICMP error while its own connect() still holds the
      // socket: Linux keeps the error for later then, and the client learns of it when its SYN is sent again after a
      // second. And of ICMP errors Linux sends a client only some in a second.
      [
        'PORTOLAN-IPVS-REJECT',
        [
          '-p tcp -j REJECT --reject-with tcp-reset',
          `-j REJECT --reject-with ${family === 'IPv4' ? 'icmp' : 'icmp6'}-port-unreachable`,
        ],
      ],
    ]),
  }
  // In the order in which they are written: what leads packets is there before mangle asks whether it has. Of raw there is
  // nothing but what another dataplane may have left that was to take over.
  return [...[nat, mangle, filter].map(withMarker), { table: 'raw', chains: new Map(), jumps: new Map() }]
}

/** A chain that says by its name on what version and setting the rules stand. */
function withMarker({ table, chains, jumps }: TableRules): TableRules {
  const text = JSON.stringify([layoutVersion, [...chains], [...jumps]])
  const marker = `PORTOLAN-IPVS-RULES-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
  return { table, jumps, chains: new Map([...chains, [marker, []]]) }
}
