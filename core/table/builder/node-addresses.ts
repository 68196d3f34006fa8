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
 * At which addresses of the node NodePorts answer (SEMANTICS 8): its primary address of each family, or all that lie
 * in one of the ranges. A family without any range in the list has all, as has one with a range of everything.
 */
export type NodePortPolicy = 'primary' | readonly Cidr[]

/**
 * The addresses that the policy picks of the node's. Loopback answers in IPv4 only, and only where `localhost` says
 * that the dataplane can. A family in which the node has no primary address has no NodePorts: upstream opens them on all
 * addresses then, which no setting asks for.
 */
export function nodePortAddresses(
  policy: NodePortPolicy,
  family: IpFamily,
  localAddresses: ReadonlySet<Address>,
  primary: Address | undefined,
  localhost = false,
): ReadonlySet<Address> {
  const ours = [...localAddresses].filter(
    (address) => familyOf(address) === family && (!isLoopback(address) || (localhost && family === 'IPv4')),
  )
  if (policy === 'primary') return new Set(ours.filter((address) => address === primary))
  const ranges = policy.filter((range) => familyOf(range) === family)
  if (ranges.length === 0 || ranges.some((range) => splitCidr(range).prefixLength === 0)) return new Set(ours)
  return new Set(ours.filter((address) => ranges.some((range) => cidrContains(range, address))))
}

/** The first of the node's addresses in the family that others can reach it at. */
export function primaryAddress(addresses: readonly Address[], family: IpFamily): Address | undefined {
  return addresses.find((address) => familyOf(address) === family && !isLoopback(address))
}
