import { type Endpoint, endpointKey, type IpFamily, ipFamilies, type ServiceRoute } from '@portolan/core'
import { nameHash } from './name-hash.ts'

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

/**
 * A set that rules refer to can be swapped with a larger or smaller one, and with none of another type: a kind that is to
 * have another type gets another name.
 */
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

/** The set that is filled in place of one of another size, and swapped with it. */
export function standInName(name: string): string {
  return `${name}+`
}

export function isStandIn(name: string): boolean {
  return name.endsWith('+') && writtenSets.has(name.slice(0, -1))
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
  return clientSetPrefix(route.family) + nameHash(`${route.key}|${endpointKey(endpoint)}`)
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
  return (
    writtenSets.has(name) || isStandIn(name) || name === routeLocalnetMarker.name || clientSetName.test(name)
  )
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
 * with all other tools, and a new set comes before the one that it replaces goes.
 */
export const maxClientSets = 30_000
