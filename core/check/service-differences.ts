import type { ClusterRecord, ServiceRecord } from '../cluster/records.ts'
import { ipFamilies } from '../network/address.ts'
import type { SourceClass } from '../table/service-route.ts'
import { type Behaviour, behaviourOf, isSameBehaviour } from './behaviour.ts'
import { featureDifference, featuresOfNode } from './feature-difference.ts'
import { type Difference, type Finding, Findings } from './finding.ts'
import type { SampleNode } from './sample-node.ts'
import { type SamplePacket, samplePackets, unallocatedPacket } from './sample-packets.ts'
import type { ServedTable, ServedTables } from './served-table.ts'

/** How Services are served today and how they would be. */
export interface Comparison {
  readonly before: ServedTables
  readonly after: ServedTables
  readonly node: SampleNode
  /** `nftables`, for reasons. */
  readonly dataplane: string
}

export interface ServiceDifferences {
  /** Services that were looked at. */
  readonly services: number
  /** Those with a finding that is more than a note. */
  readonly differing: readonly string[]
  readonly findings: readonly Finding[]
}

/**
 * Which Services would be served otherwise. It is no list of rules: packets to all that a Service asks for are judged by
 * both proxies, by the tables that their settings make and by what they declare, and where the two agree nothing is told.
 *
 * @param comparisons each of what endpoints there may be; what any of them shows is told
 */
export function serviceDifferences(
  records: readonly ClusterRecord[],
  ...comparisons: readonly Comparison[]
): ServiceDifferences {
  const services = records.filter((record) => record.kind === 'Service')
  const findings = new Findings()
  for (const comparison of comparisons) {
    for (const service of services)
      for (const difference of differencesOf(service, comparison)) findings.add(difference, service.key)
    for (const difference of differencesOfNode(comparison)) findings.add(difference)
  }
  return {
    services: services.length,
    differing: [...findings.differing].toSorted(),
    findings: findings.list,
  }
}

/** Those of one Service; the same one maybe several times. */
export function* differencesOf(service: ServiceRecord, comparison: Comparison): Iterable<Difference> {
  for (const family of ipFamilies) {
    const { dataplane, node } = comparison
    const [before, after] = [comparison.before.get(family), comparison.after.get(family)]
    for (const sample of samplePackets(service, family, node)) {
      const [was, will] = [behaviourOf(before, sample.packet), behaviourOf(after, sample.packet)]
      if (!isSameBehaviour(was, will)) yield* tell({ sample, was, will, before, after, dataplane })
    }
  }
}

function* differencesOfNode({ before, after }: Comparison): Iterable<Difference> {
  const [one, other] = [[...before.values()][0], [...after.values()][0]]
  if (one === undefined || other === undefined) return
  for (const feature of featuresOfNode) {
    // What becomes of ranges is a matter only where there are any.
    if (feature === 'dropUnallocated' && !dropsUnallocated(other)) continue
    const difference = featureDifference(feature, one.capabilities, other.capabilities)
    if (
      difference !== undefined &&
      (difference.what.startsWith('no longer') || feature === 'dropUnallocated')
    )
      yield difference
  }
}

function dropsUnallocated(served: ServedTable): boolean {
  return [...served.table.serviceCidrs].some(
    (range) => behaviourOf(served, unallocatedPacket(range)).does === 'drop',
  )
}

interface Differing {
  readonly sample: SamplePacket
  readonly was: Behaviour
  readonly will: Behaviour
  readonly before: ServedTable | undefined
  readonly after: ServedTable | undefined
  readonly dataplane: string
}

function* tell(differing: Differing): Iterable<Difference> {
  const { was, will, before, after } = differing
  // A NodePort answers at an address, whatever it answers.
  const answers = ({ does }: Behaviour) =>
    differing.sample.at === undefined ? does === 'serve' : does !== 'pass'
  if (answers(was) !== answers(will)) {
    yield answeredOrNot(differing, answers(was))
    return
  }
  let isByFeature = false
  if (before !== undefined && after !== undefined)
    for (const feature of new Set([...was.gaps, ...will.gaps])) {
      const difference = featureDifference(feature, before.capabilities, after.capabilities)
      if (difference === undefined) continue
      isByFeature = true
      yield difference
    }
  const isServedAlike =
    was.over === will.over &&
    was.masquerade === will.masquerade &&
    was.affinitySeconds === will.affinitySeconds
  if (was.does === will.does ? !isServedAlike : !isByFeature) yield otherVerdict(differing)
}

/** Something is answered on one side alone. */
function answeredOrNot(differing: Differing, isLost: boolean): Difference {
  const { sample, after, dataplane } = differing
  const { protocol } = sample.packet
  const effect = isLost ? 'lost' : 'opened'
  if (isLost && after === undefined)
    return {
      kind: 'family',
      effect,
      what: 'a family is no longer served',
      why: `the dataplane ${dataplane} doesn't have it`,
      fix: 'choose another dataplane',
    }
  if (isLost && after?.capabilities.protocols.includes(protocol) === false)
    return {
      kind: 'protocol',
      effect,
      what: `${protocol} is no longer served`,
      why: `the dataplane ${dataplane} translates ${after.capabilities.protocols.join(' and ')} alone, and leaves ${protocol} as it is`,
      fix: `choose another dataplane for Services with ${protocol}`,
    }
  return sample.at === undefined ? otherVerdict(differing) : nodePortAddress(differing, sample.at, isLost)
}

function nodePortAddress({ sample, will }: Differing, at: string, isLost: boolean): Difference {
  const isAtLoopback = at.startsWith('loopback')
  const { protocol } = sample.packet
  if (isLost) {
    const isForwarded = isAtLoopback && will.gaps.length > 0
    return {
      kind: 'node-port-address',
      effect: 'lost',
      what: `NodePorts${isForwarded ? ` of ${protocol}` : ''} no longer answer at ${at}`,
      why: isForwarded
        ? 'at loopback Portolan forwards connections of TCP alone'
        : isAtLoopback
          ? 'with this dataplane NodePorts answer at loopback only where nodePortAddresses says localhost'
          : 'nodePortAddresses has other addresses then, or its default is another one',
      fix: isForwarded
        ? "use an address of the node, or the Service's ClusterIP"
        : isAtLoopback
          ? 'add localhost to nodePortAddresses beside what is there (beside the default of iptables: [all, localhost])'
          : 'set nodePortAddresses to what it is today (for the default of iptables and IPVS: [all])',
    }
  }
  return {
    kind: 'node-port-address',
    effect: 'opened',
    what: `NodePorts answer at ${at}, where they don't today`,
    why: 'nodePortAddresses has other addresses then, or its default is another one',
    fix: 'set nodePortAddresses to what it is today (for the default of nftables: [primary])',
  }
}

const who: Readonly<Record<SourceClass, string>> = {
  pod: 'pods of the node',
  node: 'the node itself',
  outside: 'clients outside',
}

/** What settings alone make different, and what no declaration explains. */
function otherVerdict({ sample, was, will }: Differing): Difference {
  const by = who[sample.packet.sourceClass ?? 'outside']
  const isServed = [was.does === 'serve', will.does === 'serve']
  return {
    kind: 'verdict',
    effect:
      isServed[0] === isServed[1] ? (isServed[0] ? 'changed' : 'note') : isServed[0] ? 'lost' : 'opened',
    what: `packets of ${by}: ${describe(was)} today, ${describe(will)} then`,
    why: 'the settings of the two differ: see masqueradeAll, detectLocalMode and clusterCIDR',
    fix: 'give Portolan the configuration that kube-proxy has',
  }
}

function describe({ does, over, masquerade, affinitySeconds }: Behaviour): string {
  if (does === 'pass') return 'left alone'
  if (does !== 'serve') return does === 'reject' ? 'refused' : 'dropped'
  return [
    'served',
    ...(over === 'local' ? ['by endpoints of the node'] : []),
    ...(masquerade === true ? ["with the node's address"] : []),
    ...(affinitySeconds === undefined ? [] : [`with affinity of ${affinitySeconds} s`]),
  ].join(' ')
}
