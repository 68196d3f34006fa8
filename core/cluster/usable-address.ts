import { type Address, parseAddress } from '../network/address.ts'
import { specialRange } from '../network/special-addresses.ts'
import type { ProblemReport } from './problem-report.ts'

/** An address as {@link usableAddress} has it where there is nothing to tell of it; `undefined` for any other value. */
export function ordinaryAddress(value: unknown): Address | undefined {
  const address = typeof value === 'string' ? parseAddress(value) : undefined
  return address === undefined || specialRange(address) !== undefined ? undefined : address
}

/**
 * Reads an address that traffic may be sent to; anything else is told. Kubernetes' own validation forbids the special
 * ranges too, but not in every field and every version, and one of them in a table would capture the node's own
 * traffic (loopback, link-local metadata services) or that of all hosts (multicast).
 */
export function usableAddress(
  value: unknown,
  path: string,
  report: ProblemReport,
  linkLocal: 'linkLocalRefused' | 'linkLocalAllowed' = 'linkLocalRefused',
): Address | undefined {
  const address = typeof value === 'string' ? parseAddress(value.trim()) : undefined
  if (address === undefined) {
    report.skipValue(path, value, 'must be an IP address, such as 10.0.0.1 or fd00::1')
    return undefined
  }
  const special = specialRange(address)
  if (special === undefined || (special === 'link-local' && linkLocal === 'linkLocalAllowed')) return address
  report.skipValue(path, value, `is ${special}; must be an address that can be reached from elsewhere`)
  return undefined
}
