import { type Cidr, parseCidr } from '@portolan/core'
import { ourFlag, schedulerFlags } from './layout.ts'

export const schedulers = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'sed', 'nq'] as const

export type Scheduler = (typeof schedulers)[number]

/** What `--dataplane-option NAME=VALUE` says, read. */
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
  /** Which iptables programs: those of that name, or what the system calls iptables. */
  readonly iptables: 'auto' | 'nft' | 'legacy'
  /** Seconds, of all connections of this network namespace; 0: left as it is. */
  readonly tcpTimeout: number
  readonly tcpFinTimeout: number
  readonly udpTimeout: number
}

/** Codes of {@link IpvsSettingError}: when it happens, and the fix. */
export const ipvsSettingErrorCodes = {
  IPVS_SETTING_INVALID: {
    when: 'a --dataplane-option of ipvs is unknown or has a value that makes no sense',
    fix: 'correct it as the message says',
  },
} as const

/** A setting that makes no sense, named with the mend. */
export class IpvsSettingError extends RangeError {
  readonly code: keyof typeof ipvsSettingErrorCodes = 'IPVS_SETTING_INVALID'
}

const flagNames: Readonly<Record<string, { readonly scheduler: Scheduler; readonly flag: number }>> = {
  'sh-fallback': { scheduler: 'sh', flag: schedulerFlags.fallback },
  'sh-port': { scheduler: 'sh', flag: schedulerFlags.port },
  'mh-fallback': { scheduler: 'mh', flag: schedulerFlags.fallback },
  'mh-port': { scheduler: 'mh', flag: schedulerFlags.port },
}

const known = [
  'transport',
  'scheduler',
  'scheduler-flags',
  'exclude-cidrs',
  'route-mark-bit',
  'iptables',
  'tcp-timeout',
  'tcpfin-timeout',
  'udp-timeout',
  'strict-arp',
] as const

/** Seconds: the kernel counts its ticks, a thousand a second at most, in 31 bits (ip_vs_set_timeout). */
const mostTimeout = 2_147_483

/** @throws IpvsSettingError */
export function readSettings(
  settings: Readonly<Record<string, string>>,
  masqueradeBit: number,
): IpvsSettings {
  for (const name of Object.keys(settings)) {
    if (!known.some((one) => one === name))
      throw new IpvsSettingError(`setting ${JSON.stringify(name)}: there are ${known.join(', ')}`)
  }
  const scheduler = oneOf('scheduler', settings.scheduler ?? 'rr', schedulers)
  // Accepted because kube-proxy has it, and always so: no virtual IP is on an interface, so no ARP is answered for it.
  oneOf('strict-arp', settings['strict-arp'] ?? 'true', ['true', 'false'])
  return {
    transport: oneOf('transport', settings.transport ?? 'netlink', ['netlink', 'ipvsadm']),
    scheduler,
    schedulerFlags: readFlags(settings['scheduler-flags'], scheduler),
    excludeCidrs: list(settings['exclude-cidrs']).map(readCidr),
    routeMarkBit: readRouteBit(settings['route-mark-bit'], masqueradeBit),
    iptables: oneOf('iptables', settings.iptables ?? 'auto', ['auto', 'nft', 'legacy']),
    tcpTimeout: wholeNumber('tcp-timeout', settings['tcp-timeout'] ?? '0', mostTimeout),
    tcpFinTimeout: wholeNumber('tcpfin-timeout', settings['tcpfin-timeout'] ?? '0', mostTimeout),
    udpTimeout: wholeNumber('udp-timeout', settings['udp-timeout'] ?? '0', mostTimeout),
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

function readFlags(text: string | undefined, scheduler: Scheduler): number {
  let flags = 0
  for (const name of list(text)) {
    const found = flagNames[name]
    if (found === undefined)
      throw new IpvsSettingError(
        `setting scheduler-flags=${text}: there are ${Object.keys(flagNames).join(', ')}`,
      )
    if (found.scheduler !== scheduler)
      throw new IpvsSettingError(
        `setting scheduler-flags=${text}: ${name} is of scheduler ${found.scheduler}, and the scheduler is ${scheduler}`,
      )
    flags |= found.flag
  }
  return flags
}

function readCidr(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined)
    throw new IpvsSettingError(
      `setting exclude-cidrs: ${JSON.stringify(text)} is not a CIDR such as 192.0.2.0/24`,
    )
  return cidr
}

/** The bits above begin the marks of virtual servers (`markTag`). */
const mostMarkBit = 23

function readRouteBit(text: string | undefined, masqueradeBit: number): number {
  if (masqueradeBit > mostMarkBit)
    throw new IpvsSettingError(
      `the masquerade bit is ${masqueradeBit}: with IPVS, bits 24 to 31 are in the marks of virtual servers; take one from 0 to ${mostMarkBit}`,
    )
  if (text === undefined) return masqueradeBit === 13 ? 12 : 13
  const bit = wholeNumber('route-mark-bit', text, mostMarkBit)
  if (bit === masqueradeBit)
    throw new IpvsSettingError(`setting route-mark-bit=${text}: this is the masquerade bit; take another`)
  return bit
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function oneOf<Value extends string>(name: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text)
  if (found === undefined)
    throw new IpvsSettingError(`setting ${name}=${text}: there are ${values.join(', ')}`)
  return found
}

function wholeNumber(name: string, text: string, most: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > most)
    throw new IpvsSettingError(`setting ${name}=${text}: it must be a whole number, at most ${most}`)
  return Number(text)
}
