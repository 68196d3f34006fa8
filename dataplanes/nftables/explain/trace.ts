import type { Evaluation, TraceStep } from '@portolan/core'
import { orderBehind } from '../compile/endpoint-order.ts'
import { placeOf, policyOfFrontend } from '../compile/frontend-state.ts'
import { boundedEndpoints, choiceFrom, type NumberedRoute } from '../compile/numbered-route.ts'
import { balanceChain, balanceChains } from '../layout/balance-chains.ts'
import { baseChains } from '../layout/base-chains.ts'
import type { Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import type { Datum } from '../layout/elements.ts'
import { choiceNumber, policyNumber } from '../layout/numbers.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { deliveryChains, policyChain, policyChains } from '../layout/policy-chains.ts'
import {
  affinityClients,
  affinityPicksOf,
  allowedSourceSet,
  clusterIpSet,
  countsOf,
  endpointsOf,
  hairpinSet,
  nodePortAddressSet,
  policiesOf,
  serviceCidrSet,
} from '../layout/sets.ts'
import { rejectChain } from '../layout/table.ts'
import {
  type Check,
  holdsChain,
  holdsChainNamed,
  holdsElement,
  holdsEndpoints,
  holdsNoRange,
  holdsRange,
  soundTable,
} from './checks.ts'

type Step = TraceStep<ObservedState>
type AtFrontend = Extract<Evaluation, { frontend: unknown }>
type Balanced = Extract<Evaluation, { verdict: 'balance' }>
type Elsewhere = Extract<Evaluation, { because: 'otherPort' | 'unallocated' }>

/** The way of a packet through the chains, a line a step, with the elements that decide. */
export function trace(evaluation: Evaluation, setting: Setting): Step[] {
  if (evaluation.verdict === 'none') return []
  const hook = evaluation.sourceClass === 'node' ? 'output' : 'prerouting'
  return [
    step(`chain ${hook}: jump services`, soundTable(setting), holdsBaseChain(setting, hook)),
    ...('frontend' in evaluation ? frontendSteps(evaluation, setting) : [elsewhereStep(evaluation, setting)]),
  ]
}

/** To a ClusterIP that has no such port, or to an address that no Service has. */
function elsewhereStep({ packet: { destination }, verdict, because }: Elsewhere, setting: Setting): Step {
  const [set, element] =
    because === 'otherPort'
      ? [clusterIpSet, holdsElement(clusterIpSet, [destination])]
      : [serviceCidrSet, holdsRange(destination, serviceCidrSet.name)]
  return step(
    `chain services: ${destination} in @${set.name}: ${verdict}`,
    holdsBaseChain(setting, 'services'),
    element,
    ...holdsRejection(setting, verdict),
  )
}

/** What a packet that is rejected meets. */
function holdsRejection(setting: Setting, verdict: Evaluation['verdict']): Check[] {
  return verdict === 'reject' ? [holdsBaseChain(setting, rejectChain)] : []
}

/** From the first lookup to the verdict for this class of source. */
function frontendSteps(evaluation: AtFrontend, setting: Setting): Step[] {
  const { frontend, packet, sourceClass } = evaluation
  const [place, policy] = [placeOf(frontend), policyOfFrontend(frontend)]
  const steps: Step[] = []
  if (place === 'nodeport')
    steps.push(
      step(
        `chain services: ${packet.destination} in @${nodePortAddressSet.name}`,
        holdsElement(nodePortAddressSet, [packet.destination]),
      ),
    )
  const [policies, number] = [policiesOf(place), [policyNumber(policy)]]
  const key = keyOf(evaluation)
  const chains = policyChains(setting, place, policy)
  steps.push(
    step(
      `chain services: @${policies.name} { ${elementText(policies, { key, value: number })} }: goto ${policyChain(place, policy)}`,
      holdsBaseChain(setting, 'services'),
      holdsElement(policies, key, number),
      ...chains.map(holdsChain),
    ),
  )
  if (policy.filtered) steps.push(filterStep(evaluation))
  if (evaluation.verdict !== 'balance' && evaluation.because === 'allowedSources') return steps

  const chain = policyChain(place, { ...policy, filtered: false })
  const fromSource = `chain ${chain}: from ${sourceClass}`
  const isThere = holdsChainNamed(chains, chain)
  if (evaluation.verdict !== 'balance')
    return [
      ...steps,
      step(`${fromSource}: ${evaluation.verdict}`, isThere, ...holdsRejection(setting, evaluation.verdict)),
    ]
  const delivery = deliveryChains(setting, place, evaluation.over)
  const next = `${place}-${evaluation.over}${evaluation.masquerade ? '-masquerade' : ''}`
  return [
    ...steps,
    step(`${fromSource}: goto ${next}`, isThere, holdsChainNamed(delivery, next)),
    ...balanceSteps(evaluation, setting),
    ...masqueradeSteps(evaluation, setting),
  ]
}

/** Whether the source is in one of the ranges that may use this frontend. */
function filterStep(evaluation: AtFrontend): Step {
  const { frontend, packet } = evaluation
  const [place, policy, key] = [placeOf(frontend), policyOfFrontend(frontend), keyOf(evaluation)]
  const allowed = evaluation.verdict === 'balance' || evaluation.because !== 'allowedSources'
  const source = elementText(allowedSourceSet, { key: [...key, packet.source] })
  const [is, then] = allowed
    ? ['in', `goto ${policyChain(place, { ...policy, filtered: false })}`]
    : ['not in', 'drop']
  return step(
    `chain ${policyChain(place, policy)}: ${source} ${is} @${allowedSourceSet.name}: ${then}`,
    ...(frontend.allowedSources ?? []).map((range) => holdsElement(allowedSourceSet, [...key, range])),
    ...(allowed ? [] : [holdsNoRange(key, packet.source)]),
  )
}

/** By the number of endpoints to one of them. */
function balanceSteps(evaluation: Balanced, setting: Setting): Step[] {
  const { frontend, route, over } = evaluation
  const { protocol } = route
  const [place, key] = [placeOf(frontend), keyOf(evaluation)]
  const version: NumberedRoute = {
    route,
    ...(route.affinitySeconds === undefined ? {} : { numbers: { route: 0, endpoints: new Map(), next: 1 } }),
  }
  const wanted = boundedEndpoints(version, over)
  const choice = choiceFrom(version, wanted)
  const [counts, number] = [countsOf(place, over), [choiceNumber(choice)]]
  const balance = balanceChain(place, over, protocol, choice)
  const chains = balanceChains(setting, place, over, protocol, choice)
  const count = step(
    `chain ${place}-${over}: @${counts.name} { ${elementText(counts, { key, value: number })} }: goto ${balance}`,
    holdsChainNamed(deliveryChains(setting, place, over), `${place}-${over}`),
    holdsElement(counts, key, number),
    ...chains.map(holdsChain),
  )
  const endpoints = holdsEndpoints(wanted, (observedState) =>
    orderBehind(observedState, route, over, frontend),
  )
  if (choice.affinitySeconds === undefined) {
    const set = endpointsOf(place, over, protocol).name
    const text = `chain ${balance}: dnat to one of ${choice.count} in @${set}, at random`
    return [count, step(text, endpoints)]
  }
  const [picks, clients] = [affinityPicksOf(place, over, protocol).name, affinityClients.name]
  return [
    count,
    step(
      `chain ${balance}: the endpoint in @${clients} if this client has one here, else one of ${choice.count} in @${picks}, at random`,
      endpoints,
    ),
    step(
      `chain ${balance}: keep it in @${clients} for ${choice.affinitySeconds} s, dnat`,
      holdsChainNamed(chains, balance),
    ),
  ]
}

function masqueradeSteps({ masquerade, packet: { source }, route }: Balanced, setting: Setting): Step[] {
  const chain = holdsBaseChain(setting, 'postrouting')
  if (masquerade) return [step('chain postrouting: masquerade fully-random', chain)]
  const { cluster, local } = route.endpoints
  if (![...cluster, ...local].some((endpoint) => endpoint.local && endpoint.address === source)) return []
  return [
    step(
      `chain postrouting: ${source} to itself in @${hairpinSet.name}: masquerade fully-random`,
      chain,
      holdsElement(hairpinSet, [source, source]),
    ),
  ]
}

/** The key of the frontend's elements. */
function keyOf({ frontend: { address, port }, route: { protocol } }: AtFrontend): Datum[] {
  return address === undefined ? [protocol, port] : [address, protocol, port]
}

function holdsBaseChain(setting: Setting, wanted: string): Check {
  return holdsChain(baseChains(setting).find(({ name }) => name === wanted))
}

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (observedState) => [...new Set(checks.flatMap((check) => check(observedState)))] }
}
