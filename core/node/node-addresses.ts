import type { NodeRecord } from '../cluster/records.ts'
import { type Address, familyOf, type IpFamily, ipFamilies, parseAddress } from '../table/address.ts'

export type NodeAddresses = Readonly<Partial<Record<IpFamily, Address>>>

/**
 * The node's own address in each family (SEMANTICS 7, 8, 19): the bind address where one is given, else the first of
 * the Node object. A family with neither has none: no Service answers at a NodePort there by `primary`.
 */
export function nodeAddresses(bindAddress: Address | undefined, node: NodeRecord | undefined): NodeAddresses {
  const candidates = [bindAddress, ...(node?.addresses ?? [])].filter(isNodeAddress)
  return Object.fromEntries(
    ipFamilies.flatMap((family) => {
      const address = candidates.find((candidate) => familyOf(candidate) === family)
      return address === undefined ? [] : [[family, address]]
    }),
  )
}

const unspecified = ['0.0.0.0', '::'].map((text) => parseAddress(text))

function isNodeAddress(address: Address | undefined): address is Address {
  return address !== undefined && !unspecified.includes(address) && !isLoopback(address)
}

function isLoopback(address: Address): boolean {
  return address.startsWith('127.') || address === '::1'
}
