import { type Protocol, protocols, type ServiceRoute } from '@portolan/core'
import { nameHash } from './name-hash.ts'

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
export const unserved = 'PORTOLAN-UNSERVED'
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
  unserved,
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
const maxNameLength = 28

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
  const whole = `PORTOLAN-${role}-${nameHash(`${route.key}|${detail}`)}-${service}`
  return whole.slice(0, maxNameLength).replace(/-+$/, '')
}
