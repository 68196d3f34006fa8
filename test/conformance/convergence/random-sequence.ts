import { type Address, type Cidr, type IpFamily, ipFamilies } from '@portolan/core'
import type { ServicePort, ServiceRecord, SliceEndpoint, SliceRecord } from '@portolan/core/cluster'
import type { Random } from '../random.ts'
import { mostEndpoints, nodeName, nodePort, ports, services, targetPort, texts } from './address-plan.ts'
import type { Fault, NodeSetup, Sequence, Step } from './sequence.ts'

/** Around the counts at which chains are made in blocks, and where slots come in powers of two. */
const fewEndpoints = [0, 1, 1, 2, 2, 3, 4, 5] as const
const manyEndpoints = [8, 9, 15, 16, 17, 18] as const
const affinities = [undefined, undefined, undefined, 1, 60, 10_800, 86_400] as const

export interface SequenceOptions {
  readonly families?: readonly IpFamily[]
  /** Changes of the cluster, at most. Default: 20. */
  readonly changes?: number
  /** Whether the kernel refuses something now and then. Default: yes. */
  readonly faults?: boolean
  /** Default: yes. */
  readonly restarts?: boolean
  /** Packets are to be sent after it: it says nothing of the node and its pods that isn't so. */
  readonly real?: RealNode
}

/** A node that there is. */
export interface RealNode {
  readonly localAddresses: readonly string[]
  /** How many of its pods listen, from the first one on. */
  readonly listeningPods: number
}

/** A history that looks like a cluster's: the same for the same numbers. */
export function randomSequence(random: Random, options: SequenceOptions = {}): Sequence {
  const { changes = 20, faults = true, restarts = true, real } = options
  const node = {
    ...randomNode(random, options.families ?? ipFamilies),
    ...(real === undefined ? {} : { localAddresses: real.localAddresses }),
  }
  const steps: Step[] = [
    nodeStep(random, true),
    ...(real === undefined && random.chance(0.8) ? [localAddresses(random)] : []),
    ...(random.chance(0.8) ? [serviceCidr(random)] : []),
  ]
  const fault = () => (faults && random.chance(0.15) ? { fault: randomFault(random) } : {})
  const some = 3 + random.below(changes - 2)
  // What stands before the first sync is what a process finds when it starts.
  if (random.chance(0.5)) steps.push({ do: 'sync', families: node.families })
  for (let change = 0; change < some; change++) {
    steps.push(randomChange(random, real))
    // Several changes at once, as a slow kernel makes of many events.
    if (random.chance(0.25)) continue
    const families = random.chance(0.85) ? node.families : [random.pick(nonEmpty(node.families))]
    steps.push({ do: 'sync', families, ...fault() })
    if (restarts && random.chance(0.06)) steps.push({ do: 'restart', ...fault() })
    if (random.chance(0.04)) steps.push({ do: 'audit' })
    if (random.chance(0.1)) steps.push({ do: 'wait' })
  }
  return { node, steps }
}

function randomNode(random: Random, families: readonly IpFamily[]): NodeSetup {
  return {
    families: random.chance(0.5) ? families : [random.pick(nonEmpty(families))],
    detector: random.pick(['cidr', 'none', 'interface', 'interfacePrefix']),
    masqueradeAll: random.chance(0.2),
    nodePortAddresses: random.pick(['primary', 'all']),
  }
}

function randomChange(random: Random, real: RealNode | undefined): Step {
  const kind = random.next()
  const key = random.pick(services)
  if (kind < 0.4) return { do: 'set', record: randomService(random, key) }
  if (kind < 0.48) return { do: 'remove', kind: 'Service', key }
  if (kind < 0.83) return { do: 'set', record: randomSlice(random, key, real) }
  if (kind < 0.88) return { do: 'remove', kind: 'EndpointSlice', key: sliceKey(random, key).key }
  if (kind < 0.91) return nodeStep(random, false)
  if (kind < 0.95 && real === undefined) return localAddresses(random)
  if (kind < 0.98) return serviceCidr(random)
  return { do: 'remove', kind: 'ServiceCIDR', key: random.pick(['kubernetes', 'more']) }
}

function randomService(random: Random, key: (typeof services)[number]): ServiceRecord {
  // Now and then at another Service's address, which only one of them can have.
  const at = random.chance(0.1) ? random.below(services.length) : services.indexOf(key)
  const families = random.chance(0.7) ? ipFamilies : [random.pick(ipFamilies as [IpFamily, ...IpFamily[]])]
  const isExternal = random.chance(0.75)
  const affinitySeconds = random.pick(affinities)
  const external = (probability: number) =>
    isExternal ? families.flatMap((family) => random.some(texts[family].external, probability)) : []
  return {
    kind: 'Service',
    key,
    createdAt: random.below(3),
    clusterIPs: families.map((family) => texts[family].clusterIP(at) as Address),
    externalIPs: external(0.2) as Address[],
    loadBalancerIPs: external(0.35) as Address[],
    sourceRanges: isExternal && random.chance(0.6) ? randomRanges(random) : [],
    ports: randomPorts(random, isExternal),
    internalTrafficPolicy: random.pick(['Cluster', 'Cluster', 'Local']),
    externalTrafficPolicy: random.pick(['Cluster', 'Local']),
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    healthCheckNodePort: isExternal && random.chance(0.2) ? 32_000 + random.below(2) : 0,
  }
}

function randomPorts(random: Random, isExternal: boolean): ServicePort[] {
  const chosen = random.chance(0.5) ? [random.pick(nonEmpty(ports))] : random.some(ports, 0.4)
  return chosen.map((port) => ({
    ...port,
    nodePort: isExternal && random.chance(0.7) ? nodePort(random.below(4)) : 0,
  }))
}

/** None of a family means that it is open, as one of everything does. */
function randomRanges(random: Random): Cidr[] {
  const families = random.chance(0.6) ? ipFamilies : [random.pick(ipFamilies as [IpFamily, ...IpFamily[]])]
  return families.flatMap((family) => {
    const [net, host, node, all] = texts[family].ranges
    return [...random.some([net, host, node], 0.5), ...(random.chance(0.1) ? [all] : [])] as Cidr[]
  })
}

function sliceKey(random: Random, service: string): { readonly key: string; readonly family: IpFamily } {
  const family = random.pick(ipFamilies as [IpFamily, ...IpFamily[]])
  return { key: `${service}-${family}-${random.chance(0.8) ? 1 : 2}`, family }
}

function randomSlice(
  random: Random,
  serviceKey: (typeof services)[number],
  real: RealNode | undefined,
): SliceRecord {
  const { key, family } = sliceKey(random, serviceKey)
  const count = random.chance(0.9) ? random.pick(fewEndpoints) : random.pick(manyEndpoints)
  const first = random.chance(0.7) ? 0 : random.below(4)
  const share = random.pick([0, 0, 0.5, 0.5, 1])
  const readiness = random.pick([1, 1, 1, 0.6, 0])
  return {
    kind: 'EndpointSlice',
    key,
    serviceKey,
    family,
    ports: ports.map(({ name, protocol, port }) => ({
      name,
      protocol,
      port: targetPort(serviceKey, port),
    })),
    endpoints: Array.from({ length: count }, (_, index) => {
      const isLocal = random.chance(share)
      const pods = isLocal ? (real?.listeningPods ?? mostEndpoints) : mostEndpoints
      return randomEndpoint(random, family, (first + index) % pods, isLocal, readiness)
    }),
  }
}

function randomEndpoint(
  random: Random,
  family: IpFamily,
  index: number,
  isLocal: boolean,
  readiness: number,
): SliceEndpoint {
  const ready = random.chance(readiness)
  return {
    address: texts[family][isLocal ? 'local' : 'remote'](index) as Address,
    ready,
    serving: ready || random.chance(0.7),
    terminating: !ready && random.chance(0.7),
    nodeName: isLocal ? nodeName : 'node-b',
    zoneHints: [],
    nodeHints: [],
  }
}

function nodeStep(random: Random, first: boolean): Step {
  const primary = first || random.chance(0.5) ? 0 : 1
  const addresses = ipFamilies.flatMap((family) => texts[family].node.slice(primary, primary + 1))
  return {
    do: 'set',
    record: { kind: 'Node', key: nodeName, zone: '', addresses: addresses as Address[], podCidrs: [] },
  }
}

function localAddresses(random: Random): Step {
  const addresses = ipFamilies.flatMap((family) => [
    texts[family].loopback,
    ...random.some(texts[family].node, 0.7),
  ])
  return { do: 'local-addresses', addresses }
}

function serviceCidr(random: Random): Step {
  const cidrs = ipFamilies.flatMap((family) => random.some(texts[family].serviceCidrs, 0.5)) as Cidr[]
  const key = random.chance(0.7) ? 'kubernetes' : 'more'
  return { do: 'set', record: { kind: 'ServiceCIDR', key, cidrs } }
}

function randomFault(random: Random): Fault {
  return {
    after: random.chance(0.5) ? 0 : random.below(random.chance(0.7) ? 4 : 30),
    calls: random.pick([1, 1, 2, Number.POSITIVE_INFINITY]),
    how: random.chance(0.75) ? 'refused' : 'lost',
  }
}

export function nonEmpty<Value>(values: readonly Value[]): readonly [Value, ...Value[]] {
  const [first, ...rest] = values
  if (first === undefined) throw new RangeError('nothing to pick from')
  return [first, ...rest]
}
