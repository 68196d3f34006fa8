import {
  type Address,
  cidrContains,
  type Endpoint,
  type Evaluation,
  endpointKey,
  type IpFamily,
  type RoutingTable,
  type TraceStep,
} from '@portolan/core'
import { placementAt } from '../compile/placement.ts'
import { placeText } from '../compile/step-text.ts'
import { type Destination, type Element, elementKey } from '../layout/element.ts'
import { iptablesRules, type RuleSetting, type Table } from '../layout/iptables-rules.ts'
import { differences } from '../layout/iptables-script.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { dropSets, kernelName, markSets, type SetName } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import { type ServerPlace, serverKey } from '../layout/virtual-server.ts'

type Step = TraceStep<ObservedState>

/** The way of a packet through sets, rules and virtual servers, a line a step. */
export function trace(
  table: RoutingTable,
  evaluation: Evaluation,
  settings: IpvsSettings,
  setting: RuleSetting,
): Step[] {
  if (evaluation.verdict === 'none') return []
  const { family } = table
  const { packet, sourceClass } = evaluation
  const ours = sourceClass === 'node'
  const name = (set: SetName) => kernelName(family, set)
  const rules = (of: Table): Check => holdsRules(setting, of)
  const holds = (set: SetName, element: Element): Check => holdsElement(family, set, element)
  if (!('frontend' in evaluation)) {
    const set = evaluation.because === 'otherPort' ? 'CLUSTER-IPS' : 'SERVICE-CIDRS'
    const { destination } = packet
    const element =
      set === 'CLUSTER-IPS' ? holds(set, { address: destination }) : holdsRange(destination, name(set))
    const where = `filter ${ours ? 'OUTPUT' : 'FORWARD'}`
    return [step(`${where}: ${destination} in ${name(set)}: ${evaluation.verdict}`, rules('filter'), element)]
  }
  const { route, frontend } = evaluation
  const destination = { address: packet.destination, protocol: route.protocol, port: frontend.port }
  const key = elementKey({ destination })
  const hook = ours ? 'mangle OUTPUT' : 'mangle PREROUTING'
  const steps: Step[] = []
  if (frontend.allowedSources !== undefined) {
    const blocked = evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
    steps.push(
      step(
        `${hook}: ${key} in ${name('RESTRICTED')}, ${packet.source} ${blocked ? 'not ' : ''}in ${name('SOURCES')}${blocked ? ': drop' : ''}`,
        rules('mangle'),
        holds('RESTRICTED', { destination }),
        ...frontend.allowedSources.map((source) => holds('SOURCES', { destination, source })),
        ...(blocked ? [letsNotIn(family, destination, packet.source)] : []),
      ),
    )
    if (blocked) return steps
  }
  if (evaluation.verdict === 'drop') {
    const set = dropSets[sourceClass]
    const text = `${hook}: ${key} in ${name(set)}: drop`
    return [...steps, step(text, rules('mangle'), holds(set, { destination }))]
  }
  if (evaluation.verdict !== 'balance') {
    const where = ours ? 'OUTPUT' : frontend.address === undefined ? 'INPUT' : 'FORWARD'
    const text = `filter ${where}: ${key} in ${name('REFUSED')}: reject`
    return [...steps, step(text, rules('filter'), holds('REFUSED', { destination }))]
  }
  const placement = placementAt(table, destination, settings, () => 0)
  const masqueradeSet = sourceClass === 'pod' ? 'MASQ-POD' : 'MASQ-OUTSIDE'
  if (!ours && placement?.sets.has(masqueradeSet) === true) {
    const text = `nat PREROUTING: ${key} in ${name(masqueradeSet)}: marked for masquerade`
    steps.push(step(text, rules('nat'), holds(masqueradeSet, { destination })))
  }
  if (!ours) {
    const text = `nat PREROUTING: ${key} in ${name('SERVED')}: routed to this node`
    steps.push(step(text, rules('nat'), isRouted, holds('SERVED', { destination })))
  }
  const markSet = markSets.find((set) => set === `MARK-${sourceClass.toUpperCase()}`)
  const marked = markSet !== undefined && placement?.marks.has(markSet) === true
  if (marked && markSet !== undefined) {
    steps.push(
      step(
        `mangle ${ours ? 'OUTPUT' : 'INPUT'}: ${key} in ${name(markSet)}: the mark of the virtual server for ${route.key} over ${evaluation.over} endpoints`,
        rules('mangle'),
        holds(markSet, { destination }),
      ),
    )
  }
  const server = marked
    ? 'the virtual server of this mark'
    : `virtual server ${placeText(family, destination)}`
  const { length } = evaluation.endpoints
  const persistent = route.affinitySeconds === undefined ? '' : `, kept for ${route.affinitySeconds} s`
  const place = (observedState: ObservedState): ServerPlace | undefined =>
    markSet !== undefined && marked ? markedPlace(observedState, markSet, key) : destination
  steps.push(
    step(
      `IPVS: ${server}, ${settings.scheduler} over ${length} ${length === 1 ? 'destination' : 'destinations'}${persistent}`,
      holdsServer(family, place, evaluation.endpoints),
    ),
  )
  if (evaluation.masquerade) {
    const text = `nat POSTROUTING: ${ours ? 'from an address of this node' : 'marked'}: masquerade`
    steps.push(step(text, rules('nat')))
  } else if (evaluation.endpoints.some(({ address }) => address === packet.source)) {
    const text = `nat POSTROUTING: in ${name('HAIRPIN')} if it is its own client: masquerade`
    steps.push(step(text, rules('nat'), holds('HAIRPIN', { loop: packet.source })))
  }
  return steps
}

/** What the kernel lacks, or has otherwise. */
type Check = (observedState: ObservedState) => readonly string[]

function step(text: string, ...checks: readonly Check[]): Step {
  return { text, lacks: (observedState) => [...new Set(checks.flatMap((check) => check(observedState)))] }
}

/** All rules of ours in one table of iptables: a packet meets most of them on its way. */
function holdsRules(setting: RuleSetting, of: Table): Check {
  return ({ baseRules }) =>
    iptablesRules(setting)
      .filter(({ table }) => table === of)
      .flatMap((wanted) => differences(wanted, baseRules.rules.get(of)))
}

const isRouted: Check = ({ baseRules }) =>
  baseRules.routed ? [] : ['the rule and the route by which marked packets come to this node are missing']

function holdsElement(family: IpFamily, set: SetName, element: Element): Check {
  const wanted = elementKey(element)
  return ({ elements }) => {
    const found = elements.get(set)
    if (found === undefined) return [`ipset ${kernelName(family, set)} is missing`]
    const isThere = found.some((one) => elementKey(one) === wanted)
    return isThere ? [] : [`ipset ${kernelName(family, set)} lacks ${wanted}`]
  }
}

/** That no range of a destination lets this source in. */
function letsNotIn(family: IpFamily, destination: Destination, client: Address): Check {
  const wanted = elementKey({ destination })
  return ({ elements }) =>
    (elements.get('SOURCES') ?? []).flatMap((element) => {
      if (!('destination' in element) || element.source === undefined) return []
      if (elementKey({ destination: element.destination }) !== wanted) return []
      return cidrContains(element.source, client)
        ? [`ipset ${kernelName(family, 'SOURCES')} has ${elementKey(element)}`]
        : []
    })
}

/** The virtual server of the mark that a destination has in a set. */
function markedPlace({ elements }: ObservedState, set: SetName, key: string): ServerPlace | undefined {
  const element = elements.get(set)?.find((one) => elementKey(one) === key)
  const mark = element !== undefined && 'destination' in element ? element.mark : undefined
  return mark === undefined ? undefined : { fwmark: mark }
}

function holdsServer(
  family: IpFamily,
  placeIn: (observedState: ObservedState) => ServerPlace | undefined,
  endpoints: readonly Endpoint[],
): Check {
  return (observedState) => {
    const place = placeIn(observedState)
    if (place === undefined) return ['the destination has no mark of a virtual server']
    const server = observedState.servers.find((one) => serverKey(one.place) === serverKey(place))
    const text = placeText(family, place)
    if (server === undefined) return [`no virtual server ${text}`]
    const found = new Map(server.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
    const wanted = new Map(endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
    const named = ({ address, port }: Endpoint): string => `${address} port ${port}`
    return [
      ...[...wanted].flatMap(([key, endpoint]) =>
        found.has(key) ? [] : [`virtual server ${text} lacks ${named(endpoint)}`],
      ),
      ...[...found].flatMap(([key, endpoint]) =>
        wanted.has(key) ? [] : [`virtual server ${text} has ${named(endpoint)}`],
      ),
    ]
  }
}

/** A range in which unallocated addresses are dropped, around this one. */
function holdsRange(address: Address, set: string): Check {
  return (observedState) => {
    const ranges = (observedState.elements.get('SERVICE-CIDRS') ?? []).flatMap((element) =>
      'cidr' in element ? [element.cidr] : [],
    )
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`ipset ${set} has no range around ${address}`]
  }
}
