import { cidrContains, type IpFamily, ipFamilies, splitCidr } from '../network/address.ts'
import { isLoopback, loopbackAddress } from '../network/special-addresses.ts'
import { rangesOf } from '../table/builder/node-addresses.ts'
import type { ProxyConfig } from './proxy-config.ts'

/**
 * The families in which NodePorts answer at loopback, for processes of the node (SEMANTICS 8, KEP-6032): those of which
 * the list names loopback itself; a range of everything doesn't. With the dataplane iptables it does in IPv4, unless
 * kube-proxy's `localhostNodePorts` is off; then they answer at no loopback at all.
 */
export function localhostFamilies({
  dataplane,
  nodePortAddresses,
  localhostNodePorts,
}: Pick<ProxyConfig, 'dataplane' | 'nodePortAddresses' | 'localhostNodePorts'>): readonly IpFamily[] {
  const isIptables = dataplane === 'iptables'
  if (isIptables && !localhostNodePorts) return []
  return ipFamilies.filter((family) => {
    const ranges = rangesOf(nodePortAddresses, family)
    if (ranges.some((range) => isLoopback(splitCidr(range).address))) return true
    if (!isIptables || family !== 'IPv4') return false
    return (
      (ranges.length === 0 && !nodePortAddresses.includes('primary')) ||
      ranges.some((range) => cidrContains(range, loopbackAddress(family)))
    )
  })
}
