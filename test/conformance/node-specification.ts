import type { IpFamily, PodSource } from '@portolan/core'
import { parseCidr } from '@portolan/core'
import { network, podBridge, podInterfacePrefix } from '@portolan/lab'
import { Cluster } from './cluster.ts'
import { node, serviceCidr } from './objects.ts'
import { serviceCidrs } from './place.ts'

/** How the node tells a local pod's packets from others: kube-proxy's detectLocalMode. */
export type Detector = 'cidr' | 'none' | 'interface' | 'interfacePrefix'

/** What the operator of the lab's node has configured. Plain data, for processes to tell each other. */
export interface NodeSpecification {
  readonly families: readonly IpFamily[]
  /** Default `cidr`. */
  readonly detector?: Detector
  /** Default false. */
  readonly masqueradeAll?: boolean
  /** Default `primary`. */
  readonly nodePortAddresses?: 'primary' | 'all'
  /** The families in which the dataplane lets NodePorts answer at loopback, where every address is chosen. */
  readonly localhostFamilies: readonly IpFamily[]
  /** All addresses of the node. */
  readonly localAddresses: readonly string[]
}

/** The lab's node in a cluster without any Service. */
export function newCluster(specification: NodeSpecification): Cluster {
  const { families, detector = 'cidr', localAddresses } = specification
  const cluster = new Cluster({
    families,
    podSource: { IPv4: podSource(detector, 'IPv4'), IPv6: podSource(detector, 'IPv6') },
    masqueradeAll: specification.masqueradeAll ?? false,
    nodePortAddresses: specification.nodePortAddresses ?? 'primary',
    localhostFamilies: specification.localhostFamilies,
  })
  cluster.set(
    node([network.IPv4.node.uplink, network.IPv6.node.uplink], [network.IPv4.podCidr, network.IPv6.podCidr]),
    serviceCidr([serviceCidrs.IPv4, serviceCidrs.IPv6]),
  )
  cluster.setLocalAddresses(localAddresses)
  return cluster
}

function podSource(detector: Detector, family: IpFamily): PodSource {
  const cidr = parseCidr(network[family].clusterCidr)
  switch (detector) {
    case 'none':
      return { by: 'none' }
    case 'interface':
      return { by: 'interface', name: podBridge }
    case 'interfacePrefix':
      return { by: 'interfacePrefix', prefix: podInterfacePrefix }
    case 'cidr':
      return cidr === undefined ? { by: 'none' } : { by: 'cidr', cidr }
  }
}
