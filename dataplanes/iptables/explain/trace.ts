import {
  type Address,
  type Cidr,
  cidrContains,
  type Evaluation,
  type Frontend,
  frontendKey,
  hostCidr,
  type IpFamily,
  parseCidr,
  type SourceClass,
  type TraceStep,
} from '@portolan/core'
import { endpointChain, listChains, routeProgram } from '../compile/route-chains.ts'
import { frontendElements } from '../compile/set-elements.ts'
import { baseChains, jumps, sourceIsDestination, type TableName } from '../layout/base-chains.ts'
import {
  addressRoot,
  masquerade,
  nodePorts,
  portRoot,
  postrouting,
  refusals,
  reject,
  services,
  unserved,
} from '../layout/chain-names.ts'
import { dispatchPath } from '../layout/dispatch-path.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { type SetKind, setName } from '../layout/sets.ts'
import type { Setting } from '../layout/setting.ts'
import { markText } from '../layout/source-match.ts'
import { observedSets } from './observed-sets.ts'

type Step = TraceStep<ObservedState>

/** The way of a packet through the chains, a line a step, with the rule that leads on. */
export function trace(evaluation: Evaluation, setting: Setting): Step[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const { family } = setting
  const set = (kind: SetKind) => setName(family, kind)
  const hook = sourceClass === 'node' ? 'OUTPUT' : 'PREROUTING'
  const steps = [
    step(`nat ${hook}: -j ${services}`, holdsJump('nat', family, hook), base('nat', services, setting)),
  ]
  if (!('frontend' in evaluation)) {
    const kind = evaluation.because === 'otherPort' ? 'cluster-ips' : 'service-cidrs'
    const reason = `${packet.destination} in ${set(kind)}`
    const holds = kind === 'cluster-ips' ? holdsElement : holdsRange
    const filter = sourceClass === 'node' ? 'OUTPUT' : 'FORWARD'
    return [
      ...steps,
      step(`nat ${services}: no rule translates it`, base('nat', services, setting)),
      refusal([filter, unserved], reason, evaluation.verdict, setting, holds(set(kind), packet.destination)),
    ]
  }
  const { frontend, route } = evaluation
  if (frontend.address === undefined) {
    steps.push(
      step(
        `nat ${services}: ${packet.destination} in ${set('nodeport-addresses')}: -j ${nodePorts}`,
        holdsElement(set('nodeport-addresses'), packet.destination),
      ),
      step(
        `nat ${nodePorts}: -p ${route.protocol.toLowerCase()} -g ${portRoot(route.protocol)}`,
        base('nat', nodePorts, setting),
      ),
    )
  } else {
    steps.push(step(`nat ${services}: -j ${addressRoot}`, base('nat', services, setting)))
  }
  const path = dispatchPath(frontend, route.protocol)
  for (const { chain, rule } of path) steps.push(step(`nat ${chain}: ${rule}`, holdsRule('nat', chain, rule)))
  const program = routeProgram(route, { ...setting, comments: false })
  const commented = routeProgram(route, setting)
  const key = frontendKey(frontend.address, route.protocol, frontend.port)
  const [rule = '', rest = ''] = program.destinations.get(key)?.rules ?? []
  const leafChain = path.at(-1)?.to ?? ''
  const leaf = `nat ${leafChain}`
  const leafRules = (commented.destinations.get(key)?.rules ?? []).map((one) =>
    holdsRule('nat', leafChain, one),
  )
  const ownChain = (name: string): Check => holdsChain('nat', name, program.chains.get(name))
  if (evaluation.verdict !== 'balance') {
    const blocked = evaluation.because === 'allowedSources'
    const taken = blocked && rest !== '' ? rest : rule
    steps.push(step(`${leaf}: ${taken}`, ...leafRules))
    const chain = targetOf(taken)
    if (chain !== undefined) steps.push(step(`nat ${chain}: from ${sourceClass}: -j ACCEPT`, ownChain(chain)))
    const elements = [...frontendElements(route, frontend)].filter(([kind]) =>
      blocked ? kind === 'filtered' : kind.startsWith('rejected') || kind.startsWith('dropped'),
    )
    for (const [kind, element] of elements.filter(([, one]) => concerns(one, packet.destination))) {
      const reason = `${element} in ${set(kind)}`
      const holds = holdsElement(set(kind), element)
      const checks = blocked ? [holds, letsNotIn(set('allowed'), element, packet.source)] : [holds]
      const way = [filterHook(sourceClass, frontend), refusals] as const
      steps.push(refusal(way, reason, evaluation.verdict, setting, ...checks))
    }
    return steps
  }
  const guarded = [...frontendElements(route, frontend)].map(([kind, element]) =>
    holdsElement(set(kind), element),
  )
  steps.push(
    step(`${leaf}: ${rule}`, ...leafRules, ...(frontend.allowedSources === undefined ? [] : guarded)),
  )
  const target = targetOf(rule) ?? ''
  const list = listChains(route).get(evaluation.over) ?? ''
  if (target !== list || evaluation.masquerade) {
    const text = `nat ${target}: from ${sourceClass}: ${evaluation.masquerade ? 'marked, ' : ''}to ${list}`
    steps.push(step(text, ownChain(target)))
  }
  const endpoints = route.endpoints[evaluation.over]
  if (route.affinitySeconds === undefined) {
    steps.push(
      step(`nat ${list}: -j DNAT to one of ${endpoints.length}, each with the same chance`, ownChain(list)),
    )
  } else {
    steps.push(
      step(
        `nat ${list}: the endpoint that has ${packet.source} in its set, else one of ${endpoints.length} at random`,
        ownChain(list),
      ),
      step(
        `nat PORTOLAN-A-*: kept in the endpoint's set for ${route.affinitySeconds} s, -j DNAT`,
        ...endpoints.map((endpoint) => ownChain(endpointChain(route, endpoint))),
      ),
    )
  }
  const mark = markText(setting.masqueradeBit)
  const back = [holdsJump('nat', family, 'POSTROUTING'), base('nat', postrouting, setting)]
  if (evaluation.masquerade) {
    steps.push(
      step(
        `nat ${postrouting}: -m mark --mark ${mark}/${mark} -j ${masquerade}`,
        ...back,
        base('nat', masquerade, setting),
      ),
    )
  } else if (evaluation.endpoints.some(({ address }) => address === packet.source)) {
    steps.push(step(`nat ${postrouting}: ${sourceIsDestination(family)} if it is its own client`, ...back))
  }
  return steps
}

/** What the kernel lacks, or has otherwise. */
type Check = (observedState: ObservedState) => readonly string[]

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (observedState) => [...new Set(checks.flatMap((check) => check(observedState)))] }
}

/** One of the chains that are there whatever Services there are. */
function base(table: TableName, chain: string, setting: Setting): Check {
  return (observedState) =>
    holdsChain(
      table,
      chain,
      baseChains(table, setting, { liberal: observedState.liberal }).get(chain),
    )(observedState)
}

function holdsJump(table: TableName, family: IpFamily, hook: string): Check {
  const wanted = jumps(table, family).filter((jump) => jump.startsWith(`${hook} `))
  return ({ tables }) =>
    wanted.filter((jump) => !tables[table].jumps.includes(jump)).map((jump) => `${table} lacks -A ${jump}`)
}

function holdsChain(table: TableName, chain: string, rules: readonly string[] | undefined): Check {
  return ({ tables }) => {
    if (rules === undefined) return []
    const found = tables[table].chains.get(chain)
    if (found === undefined) return [`${table} ${chain} is missing`]
    const missing = rules.filter((rule) => !found.includes(rule))
    const extra = found.filter((rule) => !rules.includes(rule))
    if (missing.length + extra.length > 0) {
      return [
        ...missing.map((rule) => `${table} ${chain} lacks ${rule}`),
        ...extra.map((rule) => `${table} ${chain} has ${rule}`),
      ]
    }
    return found.join('\n') === rules.join('\n') ? [] : [`${table} ${chain} has its rules in another order`]
  }
}

function holdsRule(table: TableName, chain: string, rule: string): Check {
  return ({ tables }) => {
    const found = tables[table].chains.get(chain)
    if (found === undefined) return [`${table} ${chain} is missing`]
    return found.includes(rule) ? [] : [`${table} ${chain} lacks ${rule}`]
  }
}

function holdsElement(set: string, element: string): Check {
  return ({ sets }) => {
    const found = sets.get(set)
    if (found === undefined) return [`set ${set} is missing`]
    return found.has(element) ? [] : [`set ${set} lacks ${element}`]
  }
}

/** That no range of a destination lets this source in. */
function letsNotIn(set: string, destination: string, source: Address): Check {
  const ofDestination = `${destination},`
  return ({ sets }) =>
    [...(sets.get(set) ?? [])].flatMap((element) => {
      if (!element.startsWith(ofDestination)) return []
      const range = element.slice(ofDestination.length)
      const cidr = range.includes('/') ? parseCidr(range) : hostCidr(range as Address)
      return cidr !== undefined && cidrContains(cidr, source) ? [`set ${set} has ${element}`] : []
    })
}

/** The chain that a rule leads on to. */
function targetOf(rule: string): string | undefined {
  return / -g (\S+)$/.exec(rule)?.[1]
}

/** Where the table filter sees a packet that no rule translated. */
function filterHook(sourceClass: SourceClass, { address }: Frontend): string {
  if (sourceClass === 'node') return 'OUTPUT'
  return address === undefined ? 'INPUT' : 'FORWARD'
}

function refusal(
  [hook, chain]: readonly [hook: string, chain: string],
  reason: string,
  verdict: string,
  setting: Setting,
  ...elements: readonly Check[]
): Step {
  return step(
    `filter ${hook}: by PORTOLAN-${hook} to ${chain}: ${reason}: ${verdict}`,
    holdsJump('filter', setting.family, hook),
    base('filter', `PORTOLAN-${hook}`, setting),
    base('filter', chain, setting),
    ...(verdict === 'reject' ? [base('filter', reject, setting)] : []),
    ...elements,
  )
}

/** Of the two elements that stand for a NodePort at all addresses, the one with this address in its half. */
function concerns(element: string, destination: Address): boolean {
  const at = element.slice(0, element.indexOf(','))
  return !at.includes('/') || cidrContains(at as Cidr, destination)
}

/** A range in which unallocated addresses are dropped, around this one. */
function holdsRange(set: string, address: Address): Check {
  return (observedState) => {
    const ranges = observedSets(observedState).serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`set ${set} has no range around ${address}`]
  }
}
