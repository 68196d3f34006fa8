import {
  type Address,
  type Cidr,
  cidrContains,
  familyOf,
  type IpFamily,
  splitCidr,
} from '../../network/address.ts'
import { isLoopback } from '../../network/special-addresses.ts'

/**
 * At which addresses of the node NodePorts answer (SEMANTICS 8): all that lie in one of the ranges, where `primary` is
 * the node's primary address of each family. A family that nothing in the list speaks of has all, as has one with a range of
 * everything.
 */
export type NodePortPolicy = readonly ('primary' | Cidr)[]

/**
 * The addresses that the policy picks of the node's. Loopback answers only where `localhost` says so. A family in
 * which the node has no primary address has no NodePorts: upstream opens them on all addresses then, which no setting
 * asks for.
 */
export function nodePortAddresses(
  policy: NodePortPolicy,
  family: IpFamily,
  localAddresses: ReadonlySet<Address>,
  primary: Address | undefined,
  localhost = false,
): ReadonlySet<Address> {
  const ours = [...localAddresses].filter(
    (address) => familyOf(address) === family && (!isLoopback(address) || localhost),
  )
  if (isEverywhere(policy, family)) return new Set(ours)
  const ranges = rangesOf(policy, family)
  const hasPrimary = policy.includes('primary')
  return new Set(
    ours.filter(
      (address) =>
        (hasPrimary && address === primary) || ranges.some((range) => cidrContains(range, address)),
    ),
  )
}

/** Whether the policy picks all addresses of the family, whichever the node has. */
export function isEverywhere(policy: NodePortPolicy, family: IpFamily): boolean {
  const ranges = rangesOf(policy, family)
  const isUnnamed = ranges.length === 0 && !policy.includes('primary')
  return isUnnamed || ranges.some((range) => splitCidr(range).prefixLength === 0)
}

/** The policy's ranges of one family. */
export function rangesOf(policy: NodePortPolicy, family: IpFamily): readonly Cidr[] {
  return policy.flatMap((range) => (range !== 'primary' && familyOf(range) === family ? range : []))
}

/** The first of the node's addresses in the family that others can reach it at. */
export function primaryAddress(addresses: readonly Address[], family: IpFamily): Address | undefined {
  return addresses.find((address) => familyOf(address) === family && !isLoopback(address))
}
