import { createHash } from 'node:crypto'
import type { Endpoint, IpFamily, Protocol, ServiceRoute } from '@portolan/core'
import { endpointKey, ipFamilies, protocols } from '@portolan/core'

/**
 * Names of chains. The IPVS dataplane's begin with PORTOLAN- too, and so may others', so ours are told by their whole names
 * (`isOurChain`, `isOurSet`).
 * docs/iptables-layout.md draws how they lead to each other.
 */
export const services = 'PORTOLAN-SERVICES'
export const nodePorts = 'PORTOLAN-NODEPORTS'
export const postrouting = 'PORTOLAN-POSTROUTING'
export const masquerade = 'PORTOLAN-MASQUERADE'
export const input = 'PORTOLAN-INPUT'
export const forward = 'PORTOLAN-FORWARD'
export const output = 'PORTOLAN-OUTPUT'
export const refusals = 'PORTOLAN-REFUSALS'
export const reject = 'PORTOLAN-REJECT'

/** Roots of the trees that lead to the rule of a destination. */
export const addressRoot = 'PORTOLAN-IP'
export const portRoot = (protocol: Protocol): string => `PORTOLAN-${protocol}`

const baseChainNames: ReadonlySet<string> = new Set([
  services,
  nodePorts,
  postrouting,
  masquerade,
  input,
  forward,
  output,
  refusals,
  reject,
])

/** Chains of the dispatch trees (dispatch-path.ts), and those of routes. */
const builtNames = [
  new RegExp(`^${addressRoot}(-[0-7]{1,3})?$`),
  new RegExp(`^(${protocols.map(portRoot).join('|')})(-[0-9a-f]{1,3})?$`),
  /^PORTOLAN-[CLSA]-[A-Z2-7]{12}(-|$)/,
]

/** Whether a chain is this dataplane's, by its name. A name that a new version no longer gives has to stay known here. */
export function isOurChain(name: string): boolean {
  return baseChainNames.has(name) || builtNames.some((built) => built.test(name))
}

/** An iptables chain's name has at most 28 characters (XT_EXTENSION_MAXNAMELEN with its ending zero). */
const longestName = 28

/**
 * What a chain of a route is for: `C` and `L` balance over the cluster or the local list, `S` tells sources apart
 * before that, `A` leads to one endpoint and remembers its client.
 */
export type ChainRole = 'C' | 'L' | 'S' | 'A'

/**
 * The name of a route's chain: stable, told apart by a hash, readable by the first letters of the Service's name.
 *
 * @param detail tells chains of one role apart: the policy, the endpoint
 */
export function routeChain(route: ServiceRoute, role: ChainRole, detail = ''): string {
  const service = route.name.replace(/^[^/]*\//, '').replace(/[^A-Za-z0-9-]/g, '-')
  const whole = `PORTOLAN-${role}-${hash(`${route.key}|${detail}`)}-${service}`
  return whole.slice(0, longestName).replace(/-+$/, '')
}

/** 12 letters of base 32: 60 bits, so that two of a million names are equal once in two million clusters. */
function hash(text: string): string {
  const bytes = createHash('sha256').update(text).digest()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let letters = ''
  for (let index = 0; index < 12; index++) letters += alphabet[(bytes[index] ?? 0) & 31]
  return letters
}

export interface SetDeclaration {
  readonly name: string
  /** The type with its options, as `ipset create` takes them. */
  readonly type: string
}

/** Sets whose elements the program writes. */
export const setKinds = [
  'cluster-ips',
  'service-cidrs',
  'nodeport-addresses',
  'filtered',
  'allowed',
  'rejected',
  'dropped',
  'rejected-nodeports',
  'dropped-nodeports',
  'health-checks',
] as const

export type SetKind = (typeof setKinds)[number]

const types: Readonly<Partial<Record<SetKind, string>>> = {
  'cluster-ips': 'hash:ip',
  'service-cidrs': 'hash:net',
  'nodeport-addresses': 'hash:ip',
  filtered: 'hash:ip,port',
  allowed: 'hash:ip,port,net',
  rejected: 'hash:ip,port',
  dropped: 'hash:ip,port',
  // A bitmap:port matches no SCTP, and a hash of ports has to have addresses: every one, in two halves.
  'rejected-nodeports': 'hash:net,port',
  'dropped-nodeports': 'hash:net,port',
}

/** Sets live beside both families' tables, so a family's number is in their names. */
export function setPrefix(family: IpFamily): string {
  return family === 'IPv4' ? 'PORTOLAN-4-' : 'PORTOLAN-6-'
}

export function setName(family: IpFamily, kind: SetKind): string {
  return setPrefix(family) + kind
}

function inet(family: IpFamily): string {
  return family === 'IPv4' ? 'inet' : 'inet6'
}

export function declareSet(family: IpFamily, kind: SetKind): SetDeclaration {
  const hashed = types[kind]
  const type =
    hashed === undefined
      ? 'bitmap:port range 0-65535'
      : `${hashed} family ${inet(family)} hashsize 1024 maxelem 16777216`
  return { name: setName(family, kind), type }
}

/** The type of a set that the program writes, by its name; `undefined`: it is no such set. */
export function declaredType(name: string): string | undefined {
  return writtenSets.get(name)
}

/** What begins the name of a set of clients, one for each endpoint of a route with session affinity. */
export function clientSetPrefix(family: IpFamily): string {
  return `${setPrefix(family)}A-`
}

export function clientSet(route: ServiceRoute, endpoint: Endpoint): string {
  return clientSetPrefix(route.family) + hash(`${route.key}|${endpointKey(endpoint)}`)
}

/**
 * A set that nothing is in. Says that it was this dataplane that switched route_localnet on, so that cleanup may switch
 * it off. A set, because a flush of all rules and chains leaves it.
 */
export const routeLocalnetMarker: SetDeclaration = {
  name: `${setPrefix('IPv4')}route-localnet`,
  type: 'bitmap:port range 0-0',
}

const clientSetName = /^PORTOLAN-[46]-A-[A-Z2-7]{12}$/

const writtenSets: ReadonlyMap<string, string> = new Map(
  ipFamilies.flatMap((family) =>
    setKinds.map((kind) => [setName(family, kind), declareSet(family, kind).type] as const),
  ),
)

/** Whether a set is this dataplane's, by its name; see `isOurChain`. */
export function isOurSet(name: string): boolean {
  return writtenSets.has(name) || name === routeLocalnetMarker.name || clientSetName.test(name)
}

/**
 * The kernel never enlarges a set that packets fill, so its size is given beforehand: 512 buckets of 12 take about
 * 2,000 clients before one in a thousand finds its bucket full, for 4 KiB a set. Who finds no place is served all the
 * same, by a random endpoint each time.
 */
export function declareClientSet(family: IpFamily, name: string): SetDeclaration {
  return { name, type: `hash:ip family ${inet(family)} hashsize 512 timeout 0` }
}

/**
 * Of each family: the kernel has room for 65,534 sets (ip_set_id_t) in a network namespace, which the families share
 * with everybody else, and a new set comes before the one that it replaces goes.
 */
export const mostClientSets = 30_000
