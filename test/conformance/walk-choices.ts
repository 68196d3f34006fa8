import type { Capabilities, Evaluation, Feature } from '@portolan/core'
import { network } from '@portolan/lab'
import { serviceShape } from './case-objects.ts'
import type { ServiceState } from './fixture.ts'
import { type Client, type Destination, type EndpointShape, isGap } from './matrix-case.ts'
import type { ServiceShape } from './objects.ts'
import type { EndpointHost, Place } from './place.ts'
import type { Random } from './random.ts'

export const walkHosts: readonly EndpointHost[] = [
  'pod0',
  'pod1',
  'remote0',
  'remote1',
  'remote2',
  'remote3',
  'remote4',
]

const policies = ['Cluster', 'Local'] as const
const ranges: readonly [readonly string[], ...(readonly string[])[]] = [
  [],
  [network.IPv4.clusterCidr, network.IPv6.clusterCidr],
  [`${network.IPv4.outside}/32`, `${network.IPv6.outside}/128`],
  ['192.0.2.0/24'],
]

/** What a random walk makes of Services, and what it asks of them: nothing that the dataplane has declared missing. */
export class WalkChoices {
  readonly clients: readonly Client[] = ['pod', 'endpoint', 'node', 'outside']
  readonly destinations: readonly Destination[]
  readonly protocols: readonly ('TCP' | 'UDP')[]
  readonly #gaps: Capabilities['gaps']
  readonly #lacks: (feature: Feature) => boolean

  constructor({ gaps, protocols }: Capabilities) {
    this.#gaps = gaps
    this.#lacks = (feature) => gaps[feature] !== undefined
    this.protocols = (['TCP', 'UDP'] as const).filter((protocol) => protocols.includes(protocol))
    const all: readonly Destination[] = ['ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort']
    this.destinations = all.filter((to) => !isGap(gaps, to))
  }

  /** A Service as it may be. The same numbers are drawn whatever is missing, so that a seed means the same walk. */
  state(random: Random, place: Place): ServiceState {
    const [low, high] = [random.pick([0.1, 0.3, 0.5]), random.chance(0.2)]
    const members = random.some(walkHosts, high ? 1 : low)
    const internalTrafficPolicy = random.pick(policies)
    const externalTrafficPolicy = random.pick(policies)
    const sourceRanges = random.pick(ranges)
    const affinity = random.chance(0.3) ? { affinitySeconds: random.pick([1, 60]) } : {}
    const service: Partial<ServiceShape> = {
      ports: this.#ports(place),
      internalTrafficPolicy,
      externalTrafficPolicy: this.#lacks('sourceClasses') ? 'Cluster' : externalTrafficPolicy,
      sourceRanges: this.#lacks('sourceRanges') ? [] : sourceRanges,
      ...(this.#lacks('affinity') ? {} : affinity),
      ...(random.chance(0.2) ? { externalIPs: [] } : {}),
      ...(random.chance(0.2) ? { loadBalancer: [] } : {}),
    }
    return { service, endpoints: members.map((host) => randomEndpoint(random, host)) }
  }

  /** Whether this is a thing to ask of the dataplane: what comes of it is no declared gap. */
  asks(client: Client, to: Destination, address: string, evaluation: Evaluation): boolean {
    if (evaluation.verdict !== 'none' && isGap(this.#gaps, to)) return false
    // Only a ClusterIP tells sources apart under externalTrafficPolicy Cluster.
    if (this.#lacks('sourceClasses') && to === 'ClusterIP' && client !== 'pod' && client !== 'endpoint')
      return false
    switch (evaluation.verdict) {
      case 'none':
        return true
      case 'balance':
        return !this.#lacks('hairpin') || evaluation.endpoints.every((one) => one.address !== address)
      default:
        if (evaluation.verdict === 'drop' && evaluation.packet.protocol === 'TCP' && 'frontend' in evaluation)
          if (this.#lacks('dropConnections')) return false
        return !this.#lacks(featureOf[evaluation.because][evaluation.verdict])
    }
  }

  #ports(place: Place): ServiceShape['ports'] {
    return serviceShape(place)
      .ports.filter(({ protocol }) => this.protocols.some((one) => one === protocol))
      .map(({ nodePort, ...port }) =>
        this.#lacks('nodePort') || nodePort === undefined ? port : { ...port, nodePort },
      )
  }
}

/** Which feature it is to refuse or to drop, by the reason. */
const featureOf: Readonly<Record<Reason, Readonly<Record<'reject' | 'drop', Feature>>>> = {
  verdict: { reject: 'rejectWithoutEndpoint', drop: 'dropWithoutUsableEndpoint' },
  allowedSources: { reject: 'sourceRanges', drop: 'sourceRanges' },
  otherPort: { reject: 'rejectOtherPorts', drop: 'rejectOtherPorts' },
  unallocated: { reject: 'dropUnallocated', drop: 'dropUnallocated' },
}

type Reason = (Evaluation & { readonly verdict: 'reject' | 'drop' })['because']

function randomEndpoint(random: Random, host: EndpointHost): EndpointShape {
  if (random.chance(0.8)) return { host }
  return { host, ready: false, serving: random.chance(0.7), terminating: random.chance(0.7) }
}
