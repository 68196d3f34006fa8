import type { Evaluation, RoutingTable } from '@portolan/core'
import { elementKey } from './element.ts'
import { dropSets, kernelName, markSets } from './layout.ts'
import { placementAt } from './placement.ts'
import type { IpvsSettings } from './settings.ts'
import { placeText } from './step-text.ts'

/** The way of a packet through sets, rules and virtual servers, a line a step. */
export function trace(table: RoutingTable, evaluation: Evaluation, settings: IpvsSettings): string[] {
  if (evaluation.verdict === 'none') return []
  const { family } = table
  const { packet, sourceClass } = evaluation
  const ours = sourceClass === 'node'
  const name = (set: Parameters<typeof kernelName>[1]) => kernelName(family, set)
  if (!('frontend' in evaluation)) {
    const set = evaluation.because === 'otherPort' ? 'CLUSTER-IPS' : 'SERVICE-CIDRS'
    return [
      `filter ${ours ? 'OUTPUT' : 'FORWARD'}: ${packet.destination} in ${name(set)}: ${evaluation.verdict}`,
    ]
  }
  const { route, frontend } = evaluation
  const destination = { address: packet.destination, protocol: route.protocol, port: frontend.port }
  const key = elementKey({ destination })
  const hook = ours ? 'mangle OUTPUT' : 'mangle PREROUTING'
  const steps: string[] = []
  if (frontend.allowedSources !== undefined) {
    const blocked = evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
    steps.push(
      `${hook}: ${key} in ${name('RESTRICTED')}, ${packet.source} ${blocked ? 'not ' : ''}in ${name('SOURCES')}${blocked ? ': drop' : ''}`,
    )
    if (blocked) return steps
  }
  if (evaluation.verdict === 'drop')
    return [...steps, `${hook}: ${key} in ${name(dropSets[sourceClass])}: drop`]
  if (evaluation.verdict !== 'balance') {
    const where = ours ? 'OUTPUT' : frontend.address === undefined ? 'INPUT' : 'FORWARD'
    return [...steps, `filter ${where}: ${key} in ${name('REFUSED')}: reject`]
  }
  const placement = placementAt(table, destination, settings, () => 0)
  if (!ours) steps.push(`${hook}: ${key} in ${name('SERVED')}: routed to this node`)
  const masqueradeSet = sourceClass === 'pod' ? 'MASQ-POD' : 'MASQ-OUTSIDE'
  if (!ours && placement?.sets.has(masqueradeSet) === true)
    steps.push(`nat PREROUTING: ${key} in ${name(masqueradeSet)}: marked for masquerade`)
  const markSet = markSets.find((set) => set === `MARK-${sourceClass.toUpperCase()}`)
  const marked = markSet !== undefined && placement?.marks.has(markSet) === true
  if (marked && markSet !== undefined)
    steps.push(
      `mangle ${ours ? 'OUTPUT' : 'INPUT'}: ${key} in ${name(markSet)}: the mark of the virtual server for ${route.key} over ${evaluation.over} endpoints`,
    )
  const server = marked
    ? 'the virtual server of this mark'
    : `virtual server ${placeText(family, destination)}`
  const { length } = evaluation.endpoints
  const persistent = route.affinitySeconds === undefined ? '' : `, kept for ${route.affinitySeconds} s`
  steps.push(
    `IPVS: ${server}, ${settings.scheduler} over ${length} ${length === 1 ? 'destination' : 'destinations'}${persistent}`,
  )
  if (evaluation.masquerade)
    steps.push(`nat POSTROUTING: ${ours ? 'from an address of this node' : 'marked'}: masquerade`)
  else if (evaluation.endpoints.some(({ address }) => address === packet.source))
    steps.push(`nat POSTROUTING: in ${name('HAIRPIN')} if it is its own client: masquerade`)
  return steps
}
