import {
  type Address,
  cidrContains,
  type Evaluation,
  parseCidr,
  type ServiceRoute,
  type TraceStep,
} from '@portolan/core'
import { balanceChain, balanceChains } from './balance-chains.ts'
import { baseChains, markerChain } from './base-chains.ts'
import type { ChainDeclaration, Setting } from './chain.ts'
import { elementText } from './element-text.ts'
import { type Datum, dataText, readDataText } from './elements.ts'
import type { Held } from './held.ts'
import { orderBehind } from './held-order.ts'
import { heldSets } from './held-sets.ts'
import {
  affinityClients,
  affinityPicksOf,
  allowedSourceSet,
  clusterIpSet,
  countsOf,
  endpointsOf,
  hairpinSet,
  nodePortAddressSet,
  type Over,
  policiesOf,
  rejectChain,
  type SetDeclaration,
  serviceCidrSet,
} from './layout.ts'
import { choiceNumber, letterOf, policyNumber, policyText } from './numbers.ts'
import { deliveryChains, policyChain, policyChains } from './policy-chains.ts'
import {
  boundedEndpoints,
  choiceOf,
  type NumberedRoute,
  placeOf,
  policyOfFrontend,
} from './route-elements.ts'

type Step = TraceStep<Held>

/** The way of a packet through the chains, a line a step, with the elements that decide. */
export function trace(evaluation: Evaluation, setting: Setting): Step[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const base = new Map(baseChains(setting).map((chain) => [chain.name, chain]))
  const baseChain = (name: string): Check => holdsChain(base.get(name))
  const rejects = (verdict: string) => (verdict === 'reject' ? [baseChain(rejectChain)] : [])
  const hook = sourceClass === 'node' ? 'output' : 'prerouting'
  const steps = [step(`chain ${hook}: jump services`, soundTable(setting), baseChain(hook))]
  if (!('frontend' in evaluation)) {
    const set = evaluation.because === 'otherPort' ? clusterIpSet : serviceCidrSet
    const element =
      set === clusterIpSet
        ? holdsElement(set, [packet.destination])
        : holdsRange(packet.destination, set.name)
    steps.push(
      step(
        `chain services: ${packet.destination} in @${set.name}: ${evaluation.verdict}`,
        baseChain('services'),
        element,
      ),
    )
    return steps
  }
  const { frontend, route } = evaluation
  const place = placeOf(frontend)
  const key =
    frontend.address === undefined
      ? [route.protocol, frontend.port]
      : [frontend.address, route.protocol, frontend.port]
  if (place === 'nodeport') {
    steps.push(
      step(
        `chain services: ${packet.destination} in @${nodePortAddressSet.name}`,
        holdsElement(nodePortAddressSet, [packet.destination]),
      ),
    )
  }
  const policy = policyOfFrontend(frontend)
  const policies = policiesOf(place)
  const ofPolicy = policyChains(setting, place, policy)
  const number = [policyNumber(policy)]
  steps.push(
    step(
      `chain services: @${policies.name} { ${elementText(policies, { key, value: number })} }: goto ${policyChain(place, policy)}`,
      baseChain('services'),
      holdsElement(policies, key, number),
      ...ofPolicy.map(holdsChain),
    ),
  )
  if (policy.filtered) {
    const allowed = evaluation.verdict === 'balance' || evaluation.because !== 'allowedSources'
    const source = elementText(allowedSourceSet, { key: [...key, packet.source] })
    const ranges = frontend.allowedSources ?? []
    steps.push(
      step(
        `chain ${policyChain(place, policy)}: ${source} ${allowed ? 'in' : 'not in'} @${allowedSourceSet.name}: ${allowed ? `goto ${place}-${policyText({ ...policy, filtered: false })}` : 'drop'}`,
        ...ranges.map((range) => holdsElement(allowedSourceSet, [...key, range])),
        ...(allowed ? [] : [holdsNoRange(key, packet.source)]),
      ),
    )
    if (!allowed) return steps
  }
  const chain = policyChain(place, { ...policy, filtered: false })
  if (evaluation.verdict !== 'balance') {
    steps.push(
      step(
        `chain ${chain}: from ${sourceClass}: ${evaluation.verdict}`,
        holdsChainNamed(ofPolicy, chain),
        ...rejects(evaluation.verdict),
      ),
    )
    return steps
  }

  const { over } = evaluation
  const version: NumberedRoute = {
    route,
    ...(route.affinitySeconds === undefined ? {} : { numbers: { route: 0, endpoints: new Map(), next: 1 } }),
  }
  const choice = choiceOf(version, over)
  const counts = countsOf(place, over)
  const masquerade = letterOf(frontend.verdicts[sourceClass]) === (over === 'cluster' ? 'C' : 'L')
  const balance = balanceChain(place, over, route.protocol, choice)
  const choiceData = [choiceNumber(choice)]
  const delivery = deliveryChains(setting, place, over)
  const leadsOn = `${place}-${over}${masquerade ? '-masquerade' : ''}`
  const ofBalance = balanceChains(setting, place, over, route.protocol, choice)
  steps.push(
    step(
      `chain ${chain}: from ${sourceClass}: goto ${leadsOn}`,
      holdsChainNamed(ofPolicy, chain),
      holdsChainNamed(delivery, leadsOn),
    ),
    step(
      `chain ${place}-${over}: @${counts.name} { ${elementText(counts, { key, value: choiceData })} }: goto ${balance}`,
      holdsChainNamed(delivery, `${place}-${over}`),
      holdsElement(counts, key, choiceData),
      ...ofBalance.map(holdsChain),
    ),
  )
  const endpoints = holdsEndpoints(version, over, (held) => orderBehind(held, route, over, frontend))
  if (choice.affinitySeconds === undefined) {
    steps.push(
      step(
        `chain ${balance}: dnat to one of ${choice.count} in @${endpointsOf(place, over, route.protocol).name}, at random`,
        endpoints,
      ),
    )
  } else {
    const [picks, clients] = [affinityPicksOf(place, over, route.protocol).name, affinityClients.name]
    steps.push(
      step(
        `chain ${balance}: the endpoint in @${clients} if this client has one here, else one of ${choice.count} in @${picks}, at random`,
        endpoints,
      ),
      step(
        `chain ${balance}: keep it in @${clients} for ${choice.affinitySeconds} s, dnat`,
        holdsChainNamed(ofBalance, balance),
      ),
    )
  }
  if (masquerade) steps.push(step('chain postrouting: masquerade fully-random', baseChain('postrouting')))
  else if (isOwnEndpoint(evaluation, route)) {
    steps.push(
      step(
        `chain postrouting: ${packet.source} to itself in @${hairpinSet.name}: masquerade fully-random`,
        baseChain('postrouting'),
        holdsElement(hairpinSet, [packet.source, packet.source]),
      ),
    )
  }
  return steps
}

function isOwnEndpoint({ packet }: Evaluation, { endpoints }: ServiceRoute): boolean {
  return [...endpoints.cluster, ...endpoints.local].some(
    ({ address, local }) => local && address === packet.source,
  )
}

/** What the kernel lacks, or has otherwise. */
type Check = (held: Held) => readonly string[]

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (held) => [...new Set(checks.flatMap((check) => check(held)))] }
}

/** Whether there is a table, laid out and set as this one is. */
function soundTable(setting: Setting): Check {
  const marker = markerChain(setting)
  return ({ chains, exists, flaw }) => {
    if (!exists) return ['there is no table']
    if (flaw !== undefined) return [flaw]
    return chains.has(marker)
      ? []
      : [`the table is of another version, or of other flags: no chain ${marker}`]
  }
}

/** A chain with its rules, and the element by which packets come to it. */
function holdsChain(chain: ChainDeclaration | undefined): Check {
  return (held) => {
    if (chain === undefined) return []
    const { name, rules, entry } = chain
    const count = held.chains.get(name)
    if (count === undefined) return [`chain ${name} is missing`]
    const wrong = count === rules.length ? [] : [`chain ${name}: ${count} rules instead of ${rules.length}`]
    return entry === undefined ? wrong : [...wrong, ...holdsElement(entry.map, entry.key, [name])(held)]
  }
}

/** A chain with its rules; how packets come to it is an earlier step's matter. */
function holdsChainNamed(chains: readonly ChainDeclaration[], wanted: string): Check {
  const chain = chains.find(({ name }) => name === wanted)
  if (chain === undefined) return holdsChain(undefined)
  const { entry: _, ...rest } = chain
  return holdsChain(rest)
}

function holdsElement(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): Check {
  const wanted = elementText(set, value === undefined ? { key } : { key, value })
  return ({ elements }) => {
    const found = elements.get(set.name)?.get(dataText(key))
    if (found === undefined) return [`${set.name} lacks { ${wanted} }`]
    if (value === undefined || found === dataText(value)) return []
    const other = elementText(set, { key, value: readDataText(found, set.value ?? []) })
    return [`${set.name} has { ${other} } in place of { ${wanted} }`]
  }
}

/** That no range lets this source in. */
function holdsNoRange(key: readonly Datum[], source: Address): Check {
  return ({ elements }) =>
    [...(elements.get(allowedSourceSet.name)?.keys() ?? [])].flatMap((text) => {
      const held = readDataText(text, allowedSourceSet.key)
      const range = parseCidr(String(held.at(-1)))
      if (dataText(held.slice(0, -1)) !== dataText(key)) return []
      if (range === undefined || !cidrContains(range, source)) return []
      return [`${allowedSourceSet.name} has { ${elementText(allowedSourceSet, { key: held })} }`]
    })
}

/** The endpoints behind a destination, in whatever order. */
function holdsEndpoints(
  version: NumberedRoute,
  over: Over,
  orderOf: (held: Held) => readonly string[] | undefined,
): Check {
  const wanted = boundedEndpoints(version, over).map(({ address, port }) => `${address}|${port}`)
  return (held) => {
    const found = orderOf(held) ?? []
    return [
      ...wanted.filter((key) => !found.includes(key)).map((key) => `no slot leads to ${shown(key)}`),
      ...found
        .filter((key) => !wanted.includes(key))
        .map((key) => (key === '' ? 'a slot is empty' : `a slot leads to ${shown(key)}`)),
    ]
  }
}

function shown(endpointKey: string): string {
  return endpointKey.replace('|', ' port ')
}

/** A range in which unallocated addresses are dropped, around this one. */
function holdsRange(address: Address, set: string): Check {
  return (held) => {
    const ranges = heldSets(held).serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`${set} has no range around ${address}`]
  }
}
