import { type Address, addressBytes, type Cidr, splitCidr } from '@portolan/core'

/** The CIDR of a first and a last address; the two addresses where they are none. */
export function rangeOf(first: Address, last: Address): string {
  const [low, high] = [addressBytes(first), addressBytes(last)]
  let prefixLength = 0
  while (prefixLength < low.length * 8) {
    const byte = prefixLength >> 3
    const bit = 0x80 >> (prefixLength & 7)
    if (((low[byte] ?? 0) & bit) !== ((high[byte] ?? 0) & bit)) break
    prefixLength++
  }
  const cidr = `${first}/${prefixLength}` as Cidr
  const exact = rangeEdge(cidr, 'last').every((value, index) => value === high[index])
  return exact ? cidr : `${first}-${last}`
}

/**
 * The first or the last address of a range, as bytes.
 *
 * @param range a CIDR, or two addresses as {@link rangeOf} writes them
 */
export function rangeEdge(range: string, edge: 'first' | 'last'): Uint8Array {
  const dash = range.indexOf('-')
  if (dash >= 0)
    return addressBytes((edge === 'first' ? range.slice(0, dash) : range.slice(dash + 1)) as Address)
  const { address, prefixLength } = splitCidr(range as Cidr)
  const bytes = addressBytes(address)
  if (edge === 'first') return bytes
  return bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - index * 8))))
}
