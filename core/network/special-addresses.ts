import { type Address, familyOf, type IpFamily } from './address.ts'

/** The range that keeps an address from being a destination; `undefined` for an ordinary address. */
export function specialRange(
  address: Address,
): 'unspecified' | 'loopback' | 'link-local' | 'multicast' | undefined {
  if (familyOf(address) === 'IPv4') {
    if (address.startsWith('0.')) return 'unspecified'
    // Three digits compare as text as they do as numbers; nothing of two is special.
    if (address.indexOf('.') !== 3 || address < '127') return undefined
    if (address.startsWith('127.')) return 'loopback'
    if (address.startsWith('169.254.')) return 'link-local'
    // 240/4 (reserved, and broadcast) is as unusable.
    return address >= '224' ? 'multicast' : undefined
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

/** All addresses of the family, to a server that listens. */
export function unspecifiedAddress(family: IpFamily): Address {
  return (family === 'IPv4' ? '0.0.0.0' : '::') as Address
}

export function isLoopback(address: Address): boolean {
  return address === '::1' || (familyOf(address) === 'IPv4' && address.startsWith('127.'))
}
