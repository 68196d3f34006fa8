import {
  type Address,
  type Cidr,
  cidrContains,
  disjointCidrs,
  familyOf,
  hostCidr,
  type IpFamily,
  splitCidr,
} from '../../network/address.ts'

/**
 * Who may use the load balancer addresses of a Service in one family (SEMANTICS 7); `undefined`: everybody. Ranges of
 * the other family don't count, and a family without any is open, as is one with a range of everything.
 *
 * Where the node itself lies in a range, the Service's own addresses may ask too: a node that talks to an address
 * bound to one of its interfaces is seen with that very address as its source.
 */
export function allowedSources(
  sourceRanges: readonly Cidr[],
  family: IpFamily,
  nodeAddress: Address,
  loadBalancerIPs: readonly Address[],
): readonly Cidr[] | undefined {
  const ranges = sourceRanges.filter((range) => familyOf(range) === family)
  if (ranges.length === 0 || ranges.some((range) => splitCidr(range).prefixLength === 0)) return undefined
  const admitsNode = ranges.some((range) => cidrContains(range, nodeAddress))
  const own = admitsNode ? loadBalancerIPs.filter((address) => familyOf(address) === family) : []
  return disjointCidrs([...ranges, ...own.map(hostCidr)])
}
