import { type Cidr, familyOf, type IpFamily } from '../network/address.ts'
import type { PodSource } from '../table/routing-table.ts'
import type { PodDetection } from './proxy-config.ts'

/**
 * How local pods of one family are told from other sources (SEMANTICS 9). Only the first CIDR of a family counts;
 * without one there is no detector, and pods are treated like any client outside (SEMANTICS 5).
 *
 * @param podCidrs The Node's `spec.podCIDRs`; looked at in mode NodeCIDR only.
 */
export function podSource(detection: PodDetection, family: IpFamily, podCidrs: readonly Cidr[]): PodSource {
  switch (detection.mode) {
    case 'ClusterCIDR':
      return byCidr(detection.cidrs, family)
    case 'NodeCIDR':
      return byCidr(podCidrs, family)
    case 'BridgeInterface':
      return { by: 'interface', name: detection.name }
    case 'InterfaceNamePrefix':
      return { by: 'interfacePrefix', prefix: detection.prefix }
  }
}

function byCidr(cidrs: readonly Cidr[], family: IpFamily): PodSource {
  const cidr = cidrs.find((candidate) => familyOf(candidate) === family)
  return cidr === undefined ? { by: 'none' } : { by: 'cidr', cidr }
}
