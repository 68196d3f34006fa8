import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Section } from '../config/resolve-config.ts'
import type { Capabilities } from '../dataplane/capabilities.ts'
import { type Address, hostCidr, type IpFamily, ipFamilies } from '../network/address.ts'
import type { NodePortPolicy } from '../table/builder/node-addresses.ts'
import { primaryAddress } from '../table/builder/node-addresses.ts'

/** What one of kube-proxy's modes does where the modes differ, in the terms in which a dataplane declares itself. */
export interface KubeProxyMode {
  readonly capabilities: Capabilities
  /** The families in which NodePorts can answer at loopback at all (SEMANTICS 8, KEP-6032). */
  readonly loopbackFamilies: readonly IpFamily[]
}

const every: Pick<Capabilities, 'families' | 'protocols'> = {
  families: ipFamilies,
  protocols: ['TCP', 'UDP', 'SCTP'],
}

const byHostRoutes = "kube-proxy has no rule there: packets follow the host's routes"
const inUserSpace = 'TCP alone, forwarded by kube-proxy itself since 1.37'
const byConnection = 'IPVS knows a connection by client, client port and endpoint'

/**
 * kube-proxy 1.37 on Linux, by the mode it runs in: what SEMANTICS 5 to 10 say that a mode doesn't do is a gap here, so
 * that a mode and a dataplane can be compared by what both declare.
 */
export const kubeProxyModes: Readonly<Record<Section, KubeProxyMode>> = {
  iptables: {
    capabilities: {
      ...every,
      gaps: { rejectOtherPorts: byHostRoutes, dropUnallocated: byHostRoutes },
    },
    loopbackFamilies: ['IPv4'],
  },
  nftables: {
    capabilities: {
      ...every,
      gaps: { localhostNodePorts: inUserSpace, localhostNodePortsIPv6: inUserSpace },
    },
    loopbackFamilies: ipFamilies,
  },
  ipvs: {
    capabilities: {
      ...every,
      gaps: {
        dropWithoutUsableEndpoint: 'kube-proxy sends such packets to endpoints on other nodes',
        rejectWithoutEndpoint: 'the virtual server has no server, and the packet is dropped',
        rejectOtherPorts: 'ClusterIPs are addresses of the node, which answers ping there itself',
        dropUnallocated: byHostRoutes,
        affinityTimeout: 'IPVS keeps the endpoint for as long as it remembers a connection of the client',
        affinityAcrossFrontends: 'IPVS keeps persistence for each virtual server',
        sharedPorts: byConnection,
        sharedPortsAtOnce: byConnection,
        localPorts: "IPVS takes answers to the node's own clients for new connections",
        largeDatagramsOfNode: 'IPVS sends on no datagram of the node that needs fragments',
        atomicChange: 'virtual servers change one after the other',
      },
    },
    loopbackFamilies: [],
  },
}

/**
 * Where kube-proxy has NodePorts answer. It puts the node's own addresses in the place of `primary` at its start, so a
 * family in which it knows none has no range, which means all addresses (SEMANTICS 8).
 *
 * @param nodeAddresses of the Node object, both families
 */
export function kubeProxyNodePorts(
  { nodePortAddresses, bindAddress }: Pick<ProxyConfig, 'nodePortAddresses' | 'bindAddress'>,
  nodeAddresses: readonly Address[],
): NodePortPolicy {
  const known = [...(bindAddress === undefined ? [] : [bindAddress]), ...nodeAddresses]
  return nodePortAddresses.flatMap((range) => {
    if (range !== 'primary') return range
    return ipFamilies.flatMap((family) => {
      const primary = primaryAddress(known, family)
      return primary === undefined ? [] : hostCidr(primary)
    })
  })
}
