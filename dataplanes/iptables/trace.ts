import {
  type Address,
  type Cidr,
  cidrContains,
  type Evaluation,
  type Frontend,
  frontendKey,
  type SourceClass,
} from '@portolan/core'
import { sourceIsDestination } from './base-chains.ts'
import { dispatchPath } from './dispatch-path.ts'
import {
  addressRoot,
  masquerade,
  nodePorts,
  portRoot,
  postrouting,
  refusals,
  services,
  setName,
} from './layout.ts'
import { listChains, routeProgram } from './route-chains.ts'
import { frontendElements } from './set-elements.ts'
import type { Setting } from './setting.ts'
import { markText } from './source-match.ts'

/** The way of a packet through the chains, a line a step, with the rule that leads on. */
export function trace(evaluation: Evaluation, setting: Setting): string[] {
  if (evaluation.verdict === 'none') return []
  const { packet, sourceClass } = evaluation
  const set = (kind: Parameters<typeof setName>[1]) => setName(setting.family, kind)
  const hook = sourceClass === 'node' ? 'OUTPUT' : 'PREROUTING'
  const steps = [`nat ${hook}: -j ${services}`]
  if (!('frontend' in evaluation)) {
    const kind = evaluation.because === 'otherPort' ? 'cluster-ips' : 'service-cidrs'
    const reason = `${packet.destination} in ${set(kind)}`
    return [
      ...steps,
      `nat ${services}: no rule translates it`,
      refusal(sourceClass === 'node' ? 'OUTPUT' : 'FORWARD', reason, evaluation.verdict),
    ]
  }
  const { frontend, route } = evaluation
  if (frontend.address === undefined) {
    steps.push(`nat ${services}: ${packet.destination} in ${set('nodeport-addresses')}: -j ${nodePorts}`)
    steps.push(`nat ${nodePorts}: -p ${route.protocol.toLowerCase()} -g ${portRoot(route.protocol)}`)
  } else {
    steps.push(`nat ${services}: -j ${addressRoot}`)
  }
  const path = dispatchPath(frontend, route.protocol)
  for (const { chain, rule } of path) steps.push(`nat ${chain}: ${rule}`)
  const program = routeProgram(route, { ...setting, comments: false })
  const key = frontendKey(frontend.address, route.protocol, frontend.port)
  const [rule = '', rest = ''] = program.destinations.get(key)?.rules ?? []
  const leaf = `nat ${path.at(-1)?.to ?? ''}`
  if (evaluation.verdict !== 'balance') {
    const blocked = evaluation.because === 'allowedSources'
    const taken = blocked && rest !== '' ? rest : rule
    steps.push(`${leaf}: ${taken}`)
    const chain = targetOf(taken)
    if (chain !== undefined) steps.push(`nat ${chain}: from ${sourceClass}: -j ACCEPT`)
    const elements = [...frontendElements(route, frontend)].filter(([kind]) =>
      blocked ? kind === 'filtered' : kind.startsWith('rejected') || kind.startsWith('dropped'),
    )
    for (const [kind, element] of elements.filter(([, one]) => concerns(one, packet.destination)))
      steps.push(refusal(filterHook(sourceClass, frontend), `${element} in ${set(kind)}`, evaluation.verdict))
    return steps
  }
  steps.push(`${leaf}: ${rule}`)
  const target = targetOf(rule) ?? ''
  const list = listChains(route).get(evaluation.over) ?? ''
  if (target !== list || evaluation.masquerade) {
    steps.push(`nat ${target}: from ${sourceClass}: ${evaluation.masquerade ? 'marked, ' : ''}to ${list}`)
  }
  const count = route.endpoints[evaluation.over].length
  if (route.affinitySeconds === undefined) {
    steps.push(`nat ${list}: -j DNAT to one of ${count}, each with the same chance`)
  } else {
    steps.push(
      `nat ${list}: the endpoint that has ${packet.source} in its set, else one of ${count} at random`,
    )
    steps.push(`nat PTL-A-*: kept in the endpoint's set for ${route.affinitySeconds} s, -j DNAT`)
  }
  const mark = markText(setting.masqueradeBit)
  if (evaluation.masquerade) steps.push(`nat ${postrouting}: -m mark --mark ${mark}/${mark} -j ${masquerade}`)
  else if (evaluation.endpoints.some(({ address }) => address === packet.source))
    steps.push(`nat ${postrouting}: ${sourceIsDestination(setting.family)} if it is its own client`)
  return steps
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

function refusal(hook: string, reason: string, verdict: string): string {
  return `filter ${hook}: by PORTOLAN-${hook} to ${refusals}: ${reason}: ${verdict}`
}

/** Of the two elements that stand for a NodePort at all addresses, the one with this address in its half. */
function concerns(element: string, destination: Address): boolean {
  const at = element.slice(0, element.indexOf(','))
  return !at.includes('/') || cidrContains(at as Cidr, destination)
}
