import type { Capabilities, Feature } from '../dataplane/capabilities.ts'
import { localhostFeature } from '../dataplane/capabilities.ts'
import { isLoopback } from '../network/special-addresses.ts'
import { type Evaluation, evaluate, type Packet } from '../table/evaluate.ts'
import { type EndpointScope, sourceClasses } from '../table/service-route.ts'
import type { ServedTable } from './served-table.ts'

/** What a proxy does with the first packet of a connection. */
export interface Behaviour {
  /** `pass`: the packet goes where the host's routes lead it, as if there were no proxy. */
  readonly does: 'serve' | 'reject' | 'drop' | 'pass'
  /** Of what is served. */
  readonly over?: EndpointScope
  readonly masquerade?: boolean
  readonly affinitySeconds?: number
  /** What the proxy declares as missing and this packet would need. */
  readonly gaps: readonly Feature[]
}

/**
 * What becomes of a packet: what must become of it by `evaluate`, less what the proxy declares that it doesn't do.
 *
 * @param served absent: the proxy doesn't have this family
 */
export function behaviourOf(served: ServedTable | undefined, packet: Packet): Behaviour {
  if (served === undefined) return { does: 'pass', gaps: [] }
  const { table, capabilities } = served
  const evaluation = evaluate(table, packet)
  const gaps = neededFeatures(evaluation, served).filter((feature) => feature in capabilities.gaps)
  if (evaluation.verdict === 'none' || isUntouched(evaluation, gaps, capabilities))
    return { does: 'pass', gaps }
  if (evaluation.verdict !== 'balance') return { does: evaluation.verdict, gaps }
  const { over, masquerade, route } = evaluation
  const { affinitySeconds } = route
  return {
    does: 'serve',
    over,
    masquerade,
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    gaps,
  }
}

/** Whether two proxies do the same with a packet. That it is left alone is the same for whichever reason. */
export function isSameBehaviour(one: Behaviour, other: Behaviour): boolean {
  if (one.does === 'pass' && other.does === 'pass') return true
  return (
    one.does === other.does &&
    one.over === other.over &&
    one.masquerade === other.masquerade &&
    one.affinitySeconds === other.affinitySeconds &&
    one.gaps.join() === other.gaps.join()
  )
}

/** Whether the packet is left alone because the proxy hasn't got what it takes. */
function isUntouched(
  evaluation: Exclude<Evaluation, { verdict: 'none' }>,
  gaps: readonly Feature[],
  { protocols }: Capabilities,
): boolean {
  const { protocol, destination } = evaluation.packet
  if ('route' in evaluation && !protocols.includes(protocol)) return true
  // What isn't served at loopback in the kernel is forwarded in user space, which is TCP alone.
  if (isLoopback(destination) && gaps.some((gap) => loopbackFeatures.includes(gap)) && protocol !== 'TCP')
    return true
  return gaps.some((gap) => leftAlone.has(gap))
}

const loopbackFeatures: readonly Feature[] = Object.values(localhostFeature)

const podsByInterface: readonly Feature[] = ['podsByInterface']

/** Features without which a packet that needs them goes its way. */
const leftAlone: ReadonlySet<Feature> = new Set([
  'rejectOtherPorts',
  'dropUnallocated',
  'nodePort',
  'externalAddresses',
])

/** What a proxy has to be able to do for just this packet. */
function neededFeatures(evaluation: Evaluation, { table }: ServedTable): readonly Feature[] {
  const { verdict, packet, sourceClass } = evaluation
  if (verdict === 'none') return []
  if (!('route' in evaluation))
    return [evaluation.because === 'otherPort' ? 'rejectOtherPorts' : 'dropUnallocated']
  const { route, frontend } = evaluation
  const needed: Feature[] = []
  if (frontend.kind === 'NodePort') needed.push('nodePort')
  if (frontend.kind === 'ExternalIP' || frontend.kind === 'LoadBalancer') needed.push('externalAddresses')
  if (frontend.allowedSources !== undefined) needed.push('sourceRanges')
  if (isLoopback(packet.destination)) needed.push(localhostFeature[table.family])
  if (sourceClasses.some((one) => frontend.verdicts[one] !== frontend.verdicts[sourceClass]))
    needed.push('sourceClasses', ...(table.podSource.by.startsWith('interface') ? podsByInterface : []))
  if (verdict === 'reject') return [...needed, 'rejectWithoutEndpoint']
  if (verdict === 'drop') {
    if (packet.protocol === 'TCP') needed.push('dropConnections')
    return evaluation.because === 'verdict' ? [...needed, 'dropWithoutUsableEndpoint'] : needed
  }
  if ('masquerade' in evaluation && !evaluation.masquerade) needed.push('clientAddress')
  if (sourceClass === 'pod') needed.push('hairpin')
  if (route.affinitySeconds !== undefined) {
    needed.push('affinity', 'affinityTimeout')
    if (route.frontends.length > 1) needed.push('affinityAcrossFrontends')
  }
  if (packet.protocol === 'UDP') needed.push('udpFlows')
  if (table.localAddresses.has(packet.destination)) {
    needed.push('localPorts')
    if (packet.protocol === 'UDP' && sourceClass === 'node') needed.push('largeDatagramsOfNode')
  }
  return needed
}
