import { type Endpoint, type IpFamily, type Protocol, parseAddress } from '@portolan/core'
import { ourFlag, persistentFlag, schedulerFlags } from '../layout/server-flags.ts'
import {
  type ObservedDestination,
  type ServerKey,
  type ServerPlace,
  type ServerTerms,
  serverKey,
  type VirtualServer,
} from '../layout/virtual-server.ts'

const protocolOf: Readonly<Record<string, Protocol>> = {
  '-t': 'TCP',
  '-u': 'UDP',
  '--sctp-service': 'SCTP',
}

/** Reads what `ipvsadm -Sn` prints. */
export function readSaved(text: string, family: IpFamily): VirtualServer[] {
  const servers = new Map<string, VirtualServer>()
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/)
    const [verb, kind = '', where = ''] = words
    const six = kind === '-f' ? words.includes('-6') : where.startsWith('[')
    const place = readPlace(kind, where)
    if (place === undefined || six !== (family === 'IPv6')) continue
    const key = serverKey(place)
    if (verb === '-A') {
      servers.set(key, { place, terms: readTerms(words), endpoints: [], draining: [] })
      continue
    }
    const server = servers.get(key)
    const endpoint = readEndpoint(words[words.indexOf('-r') + 1] ?? '')
    if (server === undefined || endpoint === undefined) continue
    const weight = Number(words[words.indexOf('-w') + 1])
    const list = weight === 1 ? 'endpoints' : weight === 0 ? 'draining' : 'misweighed'
    servers.set(key, { ...server, [list]: [...(server[list] ?? []), endpoint] })
  }
  return [...servers.values()]
}

function readPlace(kind: string, where: string): ServerPlace | undefined {
  if (kind === '-f') return { fwmark: Number(where) }
  const [protocol, at] = [protocolOf[kind], readEndpoint(where)]
  return protocol === undefined || at === undefined
    ? undefined
    : { address: at.address, protocol, port: at.port }
}

function readTerms(words: readonly string[]): ServerTerms {
  const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined)
  const names = (after('-b') ?? '').split(',')
  const flag = (value: number, ...spelled: readonly string[]) =>
    names.some((name) => spelled.includes(name)) ? value : 0
  const persistence = after('-p')
  const scheduler = after('-s') ?? ''
  // For these two ipvsadm names the flags that they read, and of any other only shows that there are some: `-b` alone.
  const hidden = (scheduler === 'sh' || scheduler === 'mh') && words.includes('-b') ? ourFlag : 0
  return {
    scheduler,
    flags:
      flag(schedulerFlags.fallback, 'flag-1', 'sh-fallback', 'mh-fallback') |
      flag(schedulerFlags.port, 'flag-2', 'sh-port', 'mh-port') |
      flag(ourFlag, 'flag-3') |
      hidden |
      (persistence === undefined ? 0 : persistentFlag),
    timeoutSeconds: Number(persistence ?? 0),
  }
}

/** `10.1.0.2:8080`, `[fd00::2]:8080` */
function readEndpoint(text: string): Endpoint | undefined {
  const [, six, four, port] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(text) ?? []
  const address = parseAddress(six ?? four ?? '')
  return address === undefined ? undefined : { address, port: Number(port), local: false }
}

/** The destinations in what `ipvsadm -Ln` prints, by virtual server. */
export function readListed(text: string, family: IpFamily): Map<ServerKey, ObservedDestination[]> {
  const servers = new Map<ServerKey, ObservedDestination[]>()
  let current: ObservedDestination[] | undefined
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/)
    const [first = '', second = '', third] = words
    if (first === '->') {
      const endpoint = readEndpoint(second)
      const [weight = 0, active = 0, inactive = 0] = words.slice(3).map(Number)
      if (endpoint !== undefined) current?.push({ endpoint, weight, active, inactive })
      continue
    }
    const place = readPlace(listedKinds[first] ?? '', second)
    const six = first === 'FWM' ? third === 'IPv6' : second.startsWith('[')
    current = place === undefined || six !== (family === 'IPv6') ? undefined : []
    if (place !== undefined && current !== undefined) servers.set(serverKey(place), current)
  }
  return servers
}

const listedKinds: Readonly<Record<string, string>> = {
  TCP: '-t',
  UDP: '-u',
  SCTP: '--sctp-service',
  FWM: '-f',
}
