import type { Evaluation } from '@portolan/core'
import { balanceChain } from './balance-chains.ts'
import { elementText } from './element-text.ts'
import {
  affinityClients,
  affinityPicksOf,
  allowedSourceSet,
  clusterIpSet,
  countsOf,
  endpointsOf,
  nodePortAddressSet,
  policiesOf,
  serviceCidrSet,
} from './layout.ts'
import { choiceNumber, letterOf, policyNumber, policyText } from './numbers.ts'
import { policyChain } from './policy-chains.ts'
import { choiceOf, type NumberedRoute, placeOf, policyOfFrontend } from './route-elements.ts'

/** The way of a packet through the chains, a line a step, with the elements that decide. */
export function trace(evaluation: Evaluation): string[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const hook = sourceClass === 'node' ? 'output' : 'prerouting'
  const steps = [`chain ${hook}: jump services`]
  if (!('frontend' in evaluation)) {
    const set = evaluation.because === 'otherPort' ? clusterIpSet : serviceCidrSet
    return [...steps, `chain services: ${packet.destination} in @${set.name}: ${evaluation.verdict}`]
  }
  const { frontend, route } = evaluation
  const place = placeOf(frontend)
  const key =
    frontend.address === undefined
      ? [route.protocol, frontend.port]
      : [frontend.address, route.protocol, frontend.port]
  if (place === 'nodeport') steps.push(`chain services: ${packet.destination} in @${nodePortAddressSet.name}`)
  const policy = policyOfFrontend(frontend)
  const policies = policiesOf(place)
  steps.push(
    `chain services: @${policies.name} { ${elementText(policies, { key, value: [policyNumber(policy)] })} }: goto ${policyChain(place, policy)}`,
  )
  if (policy.filtered) {
    const allowed = evaluation.verdict === 'balance' || evaluation.because !== 'allowedSources'
    const source = elementText(allowedSourceSet, { key: [...key, packet.source] })
    steps.push(
      `chain ${policyChain(place, policy)}: ${source} ${allowed ? 'in' : 'not in'} @${allowedSourceSet.name}: ${allowed ? `goto ${place}-${policyText({ ...policy, filtered: false })}` : 'drop'}`,
    )
    if (!allowed) return steps
  }
  const chain = policyChain(place, { ...policy, filtered: false })
  if (evaluation.verdict !== 'balance')
    return [...steps, `chain ${chain}: from ${sourceClass}: ${evaluation.verdict}`]

  const { over } = evaluation
  const version: NumberedRoute = {
    route,
    ...(route.affinitySeconds === undefined ? {} : { numbers: { route: 0, endpoints: new Map(), next: 1 } }),
  }
  const choice = choiceOf(version, over)
  const counts = countsOf(place, over)
  const masquerade = letterOf(frontend.verdicts[sourceClass]) === (over === 'cluster' ? 'C' : 'L')
  const balance = balanceChain(place, over, route.protocol, choice)
  steps.push(
    `chain ${chain}: from ${sourceClass}: goto ${place}-${over}${masquerade ? '-masquerade' : ''}`,
    `chain ${place}-${over}: @${counts.name} { ${elementText(counts, { key, value: [choiceNumber(choice)] })} }: goto ${balance}`,
  )
  if (choice.affinitySeconds === undefined) {
    steps.push(
      `chain ${balance}: dnat to one of ${choice.count} in @${endpointsOf(place, over, route.protocol).name}, at random`,
    )
  } else {
    const [picks, clients] = [affinityPicksOf(place, over, route.protocol).name, affinityClients.name]
    steps.push(
      `chain ${balance}: the endpoint in @${clients} if this client has one here, else one of ${choice.count} in @${picks}, at random`,
      `chain ${balance}: keep it in @${clients} for ${choice.affinitySeconds} s, dnat`,
    )
  }
  if (masquerade) steps.push('chain postrouting: masquerade fully-random')
  return steps
}
