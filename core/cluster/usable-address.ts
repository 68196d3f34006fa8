import { type Address, familyOf, type IpFamily, parseAddress } from '../network/address.ts'
import type { ProblemReport } from './problem-report.ts'

/**
 * Reads an address that traffic may be sent to; anything else is told. Kubernetes' own validation forbids the special
 * ranges too, but not in every field and every version, and one of them in a table would capture the node's own
 * traffic (loopback, link-local metadata services) or everybody's (multicast).
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

/** The range that keeps an address from being a destination; `undefined` for an ordinary address. */
export function specialRange(
  address: Address,
): 'unspecified' | 'loopback' | 'link-local' | 'multicast' | undefined {
  if (familyOf(address) === 'IPv4') {
    if (address.startsWith('0.')) return 'unspecified'
    if (address.startsWith('127.')) return 'loopback'
    if (address.startsWith('169.254.')) return 'link-local'
    // Three digits compare as text as they do as numbers; 240/4 (reserved, and broadcast) is as unusable.
    return address.indexOf('.') === 3 && address >= '224' ? 'multicast' : undefined
  }
  if (address === '::') return 'unspecified'
  if (address === '::1') return 'loopback'
  if (address.indexOf(':') !== 4) return undefined
  if (/^fe[89ab]/.test(address)) return 'link-local'
  return address.startsWith('ff') ? 'multicast' : undefined
}

/** The address to use where none is known: the one that every node has. */
export function loopbackAddress(family: IpFamily): Address {
  return (family === 'IPv4' ? '127.0.0.1' : '::1') as Address
}
