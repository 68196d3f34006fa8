import {
  type Endpoint,
  type EndpointScope,
  type Frontend,
  type FrontendKey,
  familyOf,
  frontendKey,
  hostCidr,
  masquerades,
  type ServiceRoute,
  scopeOfLetter,
  type VerdictLetter,
} from '@portolan/core'
import { podMatch } from '@portolan/native/netfilter'
import { routeChain } from '../layout/chain-names.ts'
import { protocolMatch } from '../layout/dispatch-path.ts'
import { probability } from '../layout/probability.ts'
import { clientSet, setName } from '../layout/sets.ts'
import type { Chains, Setting } from '../layout/setting.ts'
import { nodeMatch, setMark } from '../layout/source-match.ts'
import { type Policy, policyOf, policyText } from './policy.ts'

/** All that a route has in the table nat. */
export interface RouteProgram {
  readonly chains: Chains
  /** The rules of its destinations, for the leaves of the dispatch trees. */
  readonly destinations: ReadonlyMap<FrontendKey, Destination>
  /** Names of the sets that remember its clients. */
  readonly clientSets: ReadonlySet<string>
}

export interface Destination {
  readonly frontend: Frontend
  readonly rules: readonly string[]
}

const listRole = { cluster: 'C', local: 'L' } as const

/** Compiles a route; the same for the same route and setting, whatever else there is. */
export function routeProgram(route: ServiceRoute, setting: Setting): RouteProgram {
  const chains = new Map<string, readonly string[]>()
  const destinations = new Map<FrontendKey, Destination>()
  const lists = listChains(route)
  const listRules = (over: EndpointScope) => balanceRules(route, over)
  for (const frontend of route.frontends) {
    const policy = policyOf(frontend.verdicts)
    const target = targetOf(route, policy)
    const entry = routeChain(route, 'S', policyText(policy))
    if (target === `-g ${entry}` && !chains.has(entry)) {
      chains.set(
        entry,
        entryRules(route, policy, setting, (over) => lists.get(over) === entry, listRules),
      )
    }
    const rules = destinationRules(route, frontend, target, setting, destinations.size === 0)
    destinations.set(frontendKey(frontend.address, route.protocol, frontend.port), { frontend, rules })
  }
  for (const [over, chain] of lists) if (!chains.has(chain)) chains.set(chain, listRules(over))
  const clientSets = new Set<string>()
  if (route.affinitySeconds !== undefined) {
    for (const endpoint of [...lists.keys()].flatMap((over) => route.endpoints[over])) {
      clientSets.add(clientSet(route, endpoint))
      chains.set(endpointChain(route, endpoint), rememberingRules(route, endpoint, route.affinitySeconds))
    }
  }
  return { chains, destinations, clientSets }
}

export function endpointChain(route: ServiceRoute, { address, port }: Endpoint): string {
  return routeChain(route, 'A', `${address}|${port}`)
}

/** Where a destination's rule leads: to nothing in this table, straight to a list, or to what tells sources apart. */
function targetOf(route: ServiceRoute, policy: Policy): string {
  const { pod, node, outside } = policy
  const letters: readonly VerdictLetter[] = [pod, node, outside]
  // What is refused is left untranslated, and no other rule of this table may translate it: the table filter refuses.
  if (letters.every((letter) => scopeOfLetter(letter) === undefined)) return '-j ACCEPT'
  const over = scopeOfLetter(outside)
  if (over !== undefined && letters.every((letter) => letter === outside) && !masquerades(outside))
    return `-g ${routeChain(route, listRole[over])}`
  return `-g ${routeChain(route, 'S', policyText(policy))}`
}

/**
 * The chains that hold the rules of the lists that are asked for. Where one chain alone leads to a list, at its end,
 * the rules stand there: nearly every Service has a ClusterIP and nothing else, and then one chain for it.
 */
export function listChains(route: ServiceRoute): ReadonlyMap<EndpointScope, string> {
  const users = new Map<EndpointScope, Set<string>>()
  const use = (over: EndpointScope | undefined, chain: string) => {
    if (over !== undefined) users.set(over, (users.get(over) ?? new Set()).add(chain))
  }
  const own = (over: EndpointScope | undefined) =>
    over === undefined ? '' : routeChain(route, listRole[over])
  for (const frontend of route.frontends) {
    const policy = policyOf(frontend.verdicts)
    const { pod, node, outside } = policy
    const entry = routeChain(route, 'S', policyText(policy))
    const over = scopeOfLetter(outside)
    use(over, targetOf(route, policy) === `-g ${entry}` ? entry : own(over))
    if (marksOnly(policy)) continue
    for (const letter of [pod, node]) use(scopeOfLetter(letter), own(scopeOfLetter(letter)))
  }
  const chains = new Map<EndpointScope, string>()
  for (const [over, leading] of users) {
    const [only, ...others] = leading
    chains.set(over, only === undefined || others.length > 0 ? own(over) : only)
  }
  return chains
}

/** Whether sources differ in nothing but that some are masqueraded. */
function marksOnly({ pod, node, outside }: Policy): boolean {
  return (
    node === outside &&
    scopeOfLetter(pod) === scopeOfLetter(outside) &&
    (pod === outside || masquerades(outside))
  )
}

/** The chain of a policy: what happens to each class of source, and at its end to the rest. */
function entryRules(
  route: ServiceRoute,
  policy: Policy,
  setting: Setting,
  isInlined: (over: EndpointScope) => boolean,
  listRules: (over: EndpointScope) => readonly string[],
): readonly string[] {
  const { pod, node, outside } = policy
  const fromPod = podMatch(setting.podSource)
  const mark = setMark(setting)
  const lead = (match: string, letter: VerdictLetter): string[] => {
    const over = scopeOfLetter(letter)
    if (over === undefined) return [`${match}-j ACCEPT`]
    const goto = `${match}-g ${routeChain(route, listRole[over])}`
    return masquerades(letter) ? [`${match}${mark}`, goto] : [goto]
  }
  const rules: string[] = []
  if (marksOnly(policy)) {
    const all = pod === outside || fromPod === undefined
    if (masquerades(outside)) rules.push(all ? mark : `! ${fromPod} ${mark}`)
  } else {
    // Pods first: an address of the node that lies in the pods' range counts as a pod's.
    if (fromPod !== undefined) rules.push(...lead(`${fromPod} `, pod))
    if (node !== outside) rules.push(...lead(`${nodeMatch} `, node))
    if (masquerades(outside)) rules.push(mark)
  }
  const over = scopeOfLetter(outside)
  if (over === undefined) rules.push('-j ACCEPT')
  else if (isInlined(over)) rules.push(...listRules(over))
  else rules.push(`-g ${routeChain(route, listRole[over])}`)
  return rules
}

/** The rule of a destination in its leaf; two of them where not every source is allowed. */
function destinationRules(
  route: ServiceRoute,
  frontend: Frontend,
  target: string,
  setting: Setting,
  first: boolean,
): readonly string[] {
  const { address, port, allowedSources } = frontend
  const destination = address === undefined ? '' : `-d ${hostCidr(address)} `
  const match = `${destination}${protocolMatch(route.protocol)} --dport ${port}`
  const comment = first && setting.comments ? ` -m comment --comment "${commentText(route.name)}"` : ''
  if (allowedSources === undefined || target === '-j ACCEPT') return [`${match}${comment} ${target}`]
  const allowed = `-m set --match-set ${setName(route.family, 'allowed')} dst,dst,src`
  return [`${match}${comment} ${allowed} ${target}`, `${match} -j ACCEPT`]
}

/** Names come from the cluster: bounded, and nothing in them that iptables would have to quote. */
function commentText(name: string): string {
  return name.replace(/[^A-Za-z0-9._:/-]/g, '_').slice(0, 80)
}

/** One rule an endpoint. With affinity, first those that look for an endpoint that already has this client. */
function balanceRules(route: ServiceRoute, over: EndpointScope): readonly string[] {
  const endpoints = route.endpoints[over]
  const protocol = `-p ${route.protocol.toLowerCase()}`
  const chance = (index: number) => {
    const text = probability(index, endpoints.length)
    return text === undefined ? '' : `-m statistic --mode random --probability ${text} `
  }
  if (route.affinitySeconds === undefined) {
    return endpoints.map((endpoint, index) => `${protocol} ${chance(index)}${translate(endpoint)}`)
  }
  return [
    ...endpoints.map(
      (endpoint) =>
        `-m set --match-set ${clientSet(route, endpoint)} src -g ${endpointChain(route, endpoint)}`,
    ),
    ...endpoints.map((endpoint, index) => `${chance(index)}-g ${endpointChain(route, endpoint)}`),
  ]
}

/** Every new connection of a client begins its time anew. */
function rememberingRules(route: ServiceRoute, endpoint: Endpoint, seconds: number): readonly string[] {
  return [
    `-j SET --add-set ${clientSet(route, endpoint)} src --exist --timeout ${seconds}`,
    `-p ${route.protocol.toLowerCase()} ${translate(endpoint)}`,
  ]
}

function translate({ address, port }: Endpoint): string {
  const host = familyOf(address) === 'IPv6' ? `[${address}]` : address
  return `-j DNAT --to-destination ${host}:${port}`
}
