import { type Cidr, familyOf, type IpFamily } from '../network/address.ts'
import type { PodSource } from '../table/routing-table.ts'
import { maxInterfaceName } from './field-kind.ts'
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
      return byPrefix(detection.prefix)
  }
}

/** Only one name begins with as much as a name can have, and no rule takes a pattern that is longer. */
function byPrefix(prefix: string): PodSource {
  return prefix.length < maxInterfaceName
    ? { by: 'interfacePrefix', prefix }
    : { by: 'interface', name: prefix }
}

function byCidr(cidrs: readonly Cidr[], family: IpFamily): PodSource {
  const cidr = cidrs.find((candidate) => familyOf(candidate) === family)
  return cidr === undefined ? { by: 'none' } : { by: 'cidr', cidr }
}
