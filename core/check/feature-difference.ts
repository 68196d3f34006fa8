import { type Capabilities, type Feature, features } from '../dataplane/capabilities.ts'
import type { Difference, Effect } from './finding.ts'

/** What it does to traffic that a feature isn't there any more, or is from now on. */
interface FeatureEffect {
  readonly lost: Effect
  readonly gained: Effect
  /** What to do where something relies on how it was. */
  readonly fix?: string
  /** It is about the node as a whole, and not about a packet to a Service. */
  readonly isOfNode?: true
}

const featureEffects: Readonly<Record<Feature, FeatureEffect>> = {
  externalAddresses: { lost: 'lost', gained: 'opened' },
  clientAddress: {
    lost: 'changed',
    gained: 'changed',
    fix: "have servers and policies rely on no client's address",
  },
  outlivesProcess: { lost: 'lost', gained: 'note', isOfNode: true },
  sourceClasses: { lost: 'changed', gained: 'changed' },
  podsByInterface: { lost: 'changed', gained: 'changed', fix: 'tell pods by the cluster CIDR' },
  dropWithoutUsableEndpoint: {
    lost: 'changed',
    gained: 'changed',
    fix: 'have an endpoint on each node that gets this traffic, or set the traffic policy to Cluster',
  },
  dropConnections: { lost: 'changed', gained: 'note' },
  rejectWithoutEndpoint: { lost: 'changed', gained: 'note' },
  rejectOtherPorts: {
    lost: 'changed',
    gained: 'note',
    fix: 'ask a port of the Service, rather than ping, whether it is there',
  },
  rejectPing: { lost: 'note', gained: 'note', isOfNode: true },
  dropUnallocated: { lost: 'note', gained: 'note', isOfNode: true },
  sourceRanges: { lost: 'opened', gained: 'changed' },
  affinity: { lost: 'lost', gained: 'note' },
  affinityTimeout: { lost: 'changed', gained: 'note' },
  affinityAcrossFrontends: { lost: 'changed', gained: 'note' },
  hairpin: { lost: 'lost', gained: 'note' },
  nodePort: { lost: 'lost', gained: 'opened' },
  localhostNodePorts: { lost: 'changed', gained: 'note' },
  localhostNodePortsIPv6: { lost: 'changed', gained: 'note' },
  unknownNode: { lost: 'note', gained: 'note', isOfNode: true },
  udpFlows: { lost: 'changed', gained: 'note' },
  cleanChanges: { lost: 'note', gained: 'note', isOfNode: true },
  ephemeralPorts: { lost: 'note', gained: 'note', isOfNode: true },
  atomicChange: { lost: 'note', gained: 'note', isOfNode: true },
  sharedPorts: { lost: 'note', gained: 'note', isOfNode: true },
  sharedPortsAtOnce: { lost: 'note', gained: 'note', isOfNode: true },
  localPorts: {
    lost: 'changed',
    gained: 'note',
    fix: 'keep the ports out of net.ipv4.ip_local_port_range, and servers of the node off them',
  },
  largeDatagramsOfNode: { lost: 'changed', gained: 'note' },
}

/** Features that no packet to a Service tells of. */
export const featuresOfNode: readonly Feature[] = (Object.keys(features) as Feature[]).filter(
  (feature) => featureEffects[feature].isOfNode === true,
)

/**
 * A feature that one of the two declares as missing and the other doesn't.
 *
 * @param before of kube-proxy's mode
 * @param after of the dataplane
 * @returns nothing where both have it, or neither
 */
export function featureDifference(
  feature: Feature,
  before: Capabilities,
  after: Capabilities,
): Difference | undefined {
  const [was, will] = [before.gaps[feature], after.gaps[feature]]
  if ((was === undefined) === (will === undefined)) return undefined
  const { lost, gained, fix } = featureEffects[feature]
  const kind = `gap:${feature}`
  if (will !== undefined) {
    const what = `no longer as today: ${features[feature]}`
    return {
      kind,
      effect: lost,
      what,
      why: will,
      fix: fix ?? 'choose another dataplane where something relies on it',
    }
  }
  const what = `other than today: ${features[feature]}`
  return {
    kind,
    effect: gained,
    what,
    why: `today: ${was}`,
    fix: fix ?? 'nothing, unless something relies on how it is today',
  }
}
