import {
  type Cidr,
  parseCidr,
  type SettingDeclarations,
  SettingError,
  type SettingValues,
} from '@portolan/core'
import { ourFlag, schedulerFlags } from './server-flags.ts'

export const schedulers = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'sed', 'nq'] as const

export type Scheduler = (typeof schedulers)[number]

/** What the options come to. */
export interface IpvsSettings {
  readonly transport: 'netlink' | 'ipvsadm'
  /** Of every virtual server; default rr. */
  readonly scheduler: Scheduler
  /** IP_VS_SVC_F_* that the scheduler reads. */
  readonly schedulerFlags: number
  /** Virtual servers at addresses in these are left alone, and no route is served there. */
  readonly excludeCidrs: readonly Cidr[]
  /** The bit (0 to 23) of the mark by which a packet is routed to this node; never the masquerade bit. */
  readonly routeMarkBit: number
  /** Which iptables programs: those of that variant, or `auto`: those that the node's other rules are made with. */
  readonly iptables: 'auto' | 'nft' | 'legacy'
  /** Seconds, of all connections of this network namespace; 0: left as it is. */
  readonly tcpTimeout: number
  readonly tcpFinTimeout: number
  readonly udpTimeout: number
}

const flagNames: Readonly<Record<string, { readonly scheduler: Scheduler; readonly flag: number }>> = {
  'sh-fallback': { scheduler: 'sh', flag: schedulerFlags.fallback },
  'sh-port': { scheduler: 'sh', flag: schedulerFlags.port },
  'mh-fallback': { scheduler: 'mh', flag: schedulerFlags.fallback },
  'mh-port': { scheduler: 'mh', flag: schedulerFlags.port },
}

/** Seconds: the kernel counts its ticks, a thousand a second at most, in 31 bits (ip_vs_set_timeout). */
const maxTimeout = 2_147_483

/** The bits above begin the marks of virtual servers (`markTag`). */
const maxMarkBit = 23

const timeout = (connections: string) =>
  ({
    type: 'integer',
    min: 0,
    max: maxTimeout,
    default: 0,
    description: `seconds until ${connections} expire, of all of this network namespace; 0: left as it is`,
  }) as const

/** What `--dataplane-option` may say. */
export const settings = {
  transport: {
    type: 'choice',
    choices: ['netlink', 'ipvsadm'],
    default: 'netlink',
    description: 'how programs reach the kernel: as raw netlink, or through ipvsadm and ipset',
  },
  scheduler: {
    type: 'choice',
    choices: schedulers,
    default: 'rr',
    description: 'how every virtual server chooses a destination',
  },
  'scheduler-flags': {
    type: 'list',
    format: Object.keys(flagNames).join('|'),
    default: '',
    parse: (name: string) => (Object.hasOwn(flagNames, name) ? name : undefined),
    description: 'what the schedulers sh and mh look at',
  },
  'exclude-cidrs': {
    type: 'list',
    format: 'CIDR',
    expects: 'a CIDR such as 192.0.2.0/24',
    default: '',
    parse: parseCidr,
    description: 'virtual servers at addresses in these are left alone, and no Service is served there',
  },
  'route-mark-bit': {
    type: 'integer',
    min: 0,
    max: maxMarkBit,
    description: 'the mark bit by which packets are routed to this node; without it, a free one',
  },
  iptables: {
    type: 'choice',
    choices: ['auto', 'nft', 'legacy'],
    default: 'auto',
    description: "which iptables programs to use; auto: those that the node's other rules are made with",
  },
  'tcp-timeout': timeout('idle TCP connections'),
  'tcpfin-timeout': timeout('closed TCP connections'),
  'udp-timeout': timeout('UDP connections'),
  'strict-arp': {
    type: 'choice',
    choices: ['true', 'false'],
    default: 'true',
    description:
      'taken because kube-proxy has it; no virtual IP is on an interface, so no ARP is answered for it',
  },
} as const satisfies SettingDeclarations

/** @throws {SettingError} for options that contradict one another or the mark bit */
export function readSettings(values: SettingValues<typeof settings>, masqueradeBit: number): IpvsSettings {
  const { transport, scheduler, iptables } = values
  return {
    transport,
    scheduler,
    schedulerFlags: readFlags(values['scheduler-flags'], scheduler),
    excludeCidrs: values['exclude-cidrs'],
    routeMarkBit: readRouteBit(values['route-mark-bit'], masqueradeBit),
    iptables,
    tcpTimeout: values['tcp-timeout'],
    tcpFinTimeout: values['tcpfin-timeout'],
    udpTimeout: values['udp-timeout'],
  }
}

/**
 * IP_VS_SVC_F_* of every virtual server that we make. With `sh` and `mh` a destination of weight 0 keeps its share of
 * clients, and new connections of theirs fail unless they may fall back to another one (ip_vs_sh_get, ip_vs_mh_get).
 */
export function serverFlags({
  scheduler,
  schedulerFlags: chosen,
}: Pick<IpvsSettings, 'scheduler' | 'schedulerFlags'>): number {
  const falls = scheduler === 'sh' || scheduler === 'mh'
  return ourFlag | chosen | (falls ? schedulerFlags.fallback : 0)
}

function readFlags(names: readonly string[], scheduler: Scheduler): number {
  let flags = 0
  for (const name of names) {
    const found = flagNames[name]
    if (found === undefined) continue
    if (found.scheduler !== scheduler)
      throw new SettingError(
        `option scheduler-flags: ${name} is of scheduler ${found.scheduler}, and the scheduler is ${scheduler}`,
      )
    flags |= found.flag
  }
  return flags
}

function readRouteBit(bit: number | undefined, masqueradeBit: number): number {
  if (masqueradeBit > maxMarkBit)
    throw new SettingError(
      `the masquerade bit is ${masqueradeBit}: with IPVS, bits 24 to 31 are in the marks of virtual servers; take one from 0 to ${maxMarkBit}`,
    )
  if (bit === masqueradeBit)
    throw new SettingError(`option route-mark-bit: ${bit} is the masquerade bit; take another`)
  return bit ?? (masqueradeBit === 13 ? 12 : 13)
}
