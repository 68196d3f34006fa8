import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Logger } from '../log/logger.ts'
import { type Cidr, familyOf, type IpFamily } from '../network/address.ts'

/**
 * Warns of settings that leave a family of this node without what they give the other (SEMANTICS 19, checks at the start).
 *
 * @param families those that the node and the dataplane have
 */
export function warnOfFamilies(
  { podDetection, nodePortAddresses }: ProxyConfig,
  families: readonly IpFamily[],
  logger: Logger,
): void {
  const without = (ranges: readonly Cidr[]) =>
    families.filter((family) => ranges.every((range) => familyOf(range) !== family))
  // A CIDR of one family on a node that has both is a cluster of one family.
  if (podDetection.mode === 'ClusterCIDR' && without(podDetection.cidrs).length === families.length) {
    const cidrs = podDetection.cidrs.join(', ')
    const cause =
      cidrs === '' ? '' : ` (clusterCIDR ${cidrs} is of another family than ${families.join(', ')})`
    logger.warn(
      { event: 'no-pod-detection' },
      `nothing distinguishes local pods from other clients${cause}, so no traffic to ClusterIPs is masqueraded, and pods are ` +
        'treated as clients from outside where externalTrafficPolicy is Local: set clusterCIDR or another detectLocalMode in ' +
        'the file of --config, or without one give --cluster-cidr or another --detect-local-mode',
    )
  }
  const ranges = nodePortAddresses.flatMap((range) => (range === 'primary' ? [] : range))
  const open = without(ranges)
  if (ranges.length === 0 || nodePortAddresses.includes('primary') || open.length === 0) return
  logger.warn(
    { event: 'nodeports-everywhere', families: open },
    `NodePorts of ${open.join(' and ')} answer at all addresses of the node, for nodePortAddresses (without a file, ` +
      '--nodeport-addresses) has none of that family: add one, or primary',
  )
}
