import type { NodeRecord } from '../cluster/records.ts'
import {
  type Address,
  type Cidr,
  cidrContains,
  type IpFamily,
  ipFamilies,
  parseAddress,
  splitCidr,
} from '../network/address.ts'
import { isLoopback, loopbackAddress } from '../network/special-addresses.ts'
import type { NodePortPolicy } from '../table/builder/node-addresses.ts'

/** One of the node's addresses, for all of its kind. */
export interface SampleAddress {
  readonly address: Address
  /** `other addresses of the node` */
  readonly what: string
}

/**
 * A node that stands for those of a cluster, without any endpoint: so that policies of Services that keep traffic on the
 * node show. Of its addresses there is one of each kind that NodePort settings can tell apart, because which ones a node
 * has beside its Node object's, only that node knows.
 */
export interface SampleNode {
  readonly record: NodeRecord | undefined
  /** In both families. */
  readonly addresses: readonly SampleAddress[]
}

/** Nothing is local to it: no Node is called so. */
export const sampleNodeName = ''

/** Ranges for documentation (RFC 5737, RFC 3849), of which no node has an address. */
const strangers: Readonly<Record<IpFamily, readonly string[]>> = {
  IPv4: ['198.51.100.253', '203.0.113.253', '192.0.2.253'],
  IPv6: ['2001:db8:ffff::fd', '2001:db8:fffe::fd'],
}

/**
 * @param node whose own addresses and podCIDRs count; absent: the cluster has none
 * @param policies of NodePorts, each of which may have ranges
 */
export function sampleNode(node: NodeRecord | undefined, policies: readonly NodePortPolicy[]): SampleNode {
  const ranges = [...new Set(policies.flat())].filter((range): range is Cidr => range !== 'primary')
  const addresses: SampleAddress[] = []
  const add = (address: Address | undefined, what: string): void => {
    if (address === undefined || addresses.some((known) => known.address === address)) return
    addresses.push({ address, what })
  }
  for (const address of node?.addresses ?? []) add(address, "the node's address in its Node object")
  for (const range of ranges) add(addressIn(range), `addresses of the node in ${range}`)
  for (const family of ipFamilies) {
    const outside = strangers[family]
      .flatMap((text) => parseAddress(text) ?? [])
      .find((address) => ranges.every((range) => isEverything(range) || !cidrContains(range, address)))
    add(outside, 'other addresses of the node')
    add(loopbackAddress(family), `loopback (${loopbackAddress(family)})`)
  }
  return { record: node === undefined ? undefined : { ...node, key: sampleNodeName }, addresses }
}

/** One that a node could have there; none where the range stands for everything, or for loopback, which is there anyway. */
function addressIn(range: Cidr): Address | undefined {
  const { address } = splitCidr(range)
  return isEverything(range) || isLoopback(address) ? undefined : address
}

function isEverything(range: Cidr): boolean {
  return splitCidr(range).prefixLength === 0
}
