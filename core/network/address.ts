/**
 * IP addresses and CIDRs, parsed sloppily and kept canonical.
 *
 * Kubernetes still holds addresses with leading zeros (`172.30.0.041`), which must be read as decimal and
 * written canonically (SEMANTICS 2; upstream's ParseIPSloppy). Everything past this file deals in canonical
 * text only, so two spellings of one address can't become two table entries.
 */

export type IpFamily = 'IPv4' | 'IPv6'

declare const addressBrand: unique symbol
declare const cidrBrand: unique symbol

/** A canonical IP address: dotted decimal, or RFC 5952 text. Made by {@link parseAddress} only. */
export type Address = string & { readonly [addressBrand]: true }

/** A canonical CIDR with its host bits cleared: `10.0.0.0/8`, `fd00::/64`. Made by {@link parseCidr} only. */
export type Cidr = string & { readonly [cidrBrand]: true }

export const ipFamilies: readonly IpFamily[] = ['IPv4', 'IPv6']

/** The family of a canonical address or CIDR. */
export function familyOf(text: Address | Cidr): IpFamily {
  return text.includes(':') ? 'IPv6' : 'IPv4'
}

/**
 * Reads an address in any spelling that Kubernetes accepts; `undefined` where it is none.
 * An IPv4-mapped IPv6 address is an IPv4 address, as upstream has it.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined
  if (!text.includes(':')) {
    const value = readIpv4(text)
    if (value === undefined) return undefined
    // Only leading zeros make a spelling other than the canonical one. The given text costs half the memory of a
    // concatenated one, and clusters have a million of them.
    return text.length === ipv4Length(value) ? (text as Address) : formatIpv4(value)
  }
  const groups = readIpv6(text)
  if (groups === undefined) return undefined
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (mapped) return formatIpv4(((groups[6] ?? 0) * 0x10000 + (groups[7] ?? 0)) >>> 0)
  return formatIpv6(groups)
}

/** Reads a CIDR in any spelling that Kubernetes accepts, and clears its host bits. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined
  const address = parseAddress(text.slice(0, slash))
  if (address === undefined) return undefined
  const bytes = addressBytes(address)
  const length = Number(text.slice(slash + 1))
  if (length > bytes.length * 8) return undefined
  return `${formatBytes(maskBytes(bytes, length))}/${length}` as Cidr
}

/** The address and prefix length (bits) of a canonical CIDR. */
export function splitCidr(cidr: Cidr): { readonly address: Address; readonly prefixLength: number } {
  const slash = cidr.indexOf('/')
  return { address: cidr.slice(0, slash) as Address, prefixLength: Number(cidr.slice(slash + 1)) }
}

/** The CIDR that holds this one address. */
export function hostCidr(address: Address): Cidr {
  return `${address}/${familyOf(address) === 'IPv4' ? 32 : 128}` as Cidr
}

/** Whether the address lies in the CIDR; false across families. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  if (familyOf(cidr) !== familyOf(address)) return false
  const { address: network, prefixLength } = splitCidr(cidr)
  const masked = maskBytes(addressBytes(address), prefixLength)
  return addressBytes(network).every((byte, index) => byte === masked[index])
}

/** The CIDRs without those that lie inside another one, sorted: what remains is disjoint. */
export function disjointCidrs(cidrs: Iterable<Cidr>): Cidr[] {
  // In the order of addresses, wider first, a range comes right after the one that holds it or after its neighbours
  // in there; so one look at the last one kept is enough.
  const ordered = [...new Set(cidrs)]
    .map((cidr) => ({ cidr, ...splitCidr(cidr) }))
    .map((range) => ({ ...range, bytes: Buffer.from(addressBytes(range.address)) }))
    .sort(
      (a, b) =>
        a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes) || a.prefixLength - b.prefixLength,
    )
  const kept: Cidr[] = []
  for (const { cidr, address } of ordered) {
    const last = kept.at(-1)
    if (last === undefined || !cidrContains(last, address)) kept.push(cidr)
  }
  return kept.sort()
}

/**
 * The 32 bits of a canonical IPv4 address as a number; `undefined` for an IPv6 address. Nothing is checked and no object
 * made: a cluster's load asks this half a million times.
 */
export function ipv4Number(address: Address): number | undefined {
  let value = 0
  let octet = 0
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === 58) return undefined
    if (code === 46) {
      value = (value << 8) | octet
      octet = 0
    } else octet = octet * 10 + code - 48
  }
  return ((value << 8) | octet) >>> 0
}

/** The 4 or 16 bytes of a canonical address, in network order. */
export function addressBytes(address: Address): Uint8Array {
  if (!address.includes(':')) {
    const value = readIpv4(address) ?? 0
    return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
  }
  const groups = readIpv6(address) ?? []
  const bytes = new Uint8Array(16)
  groups.forEach((group, index) => {
    bytes[index * 2] = group >>> 8
    bytes[index * 2 + 1] = group & 255
  })
  return bytes
}

/** The canonical address of 4 or 16 bytes in network order. */
export function formatBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) {
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Address
  }
  const groups: number[] = []
  for (let index = 0; index < 16; index += 2)
    groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0))
  return formatIpv6(groups)
}

function maskBytes(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8))
    return byte & (0xff << (8 - bits))
  })
}

/** Parses by hand: this runs once for every endpoint of the cluster, and split() costs 5 times as much. */
function readIpv4(text: string): number | undefined {
  let value = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 46) {
      if (digits === 0 || ++dots > 3) return undefined
      value = value * 256 + octet
      octet = 0
      digits = 0
    } else if (code >= 48 && code <= 57) {
      octet = octet * 10 + code - 48
      if (++digits > 3 || octet > 255) return undefined
    } else {
      return undefined
    }
  }
  if (dots !== 3 || digits === 0) return undefined
  return value * 256 + octet
}

/** Characters of the canonical text. */
function ipv4Length(value: number): number {
  let length = 7
  for (let shift = 0; shift < 32; shift += 8) {
    const octet = (value >>> shift) & 255
    if (octet >= 10) length += octet >= 100 ? 2 : 1
  }
  return length
}

function formatIpv4(value: number): Address {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Address
}

function readIpv6(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const read = halves.map((half) => readGroups(half))
  const [head, tail] = read
  if (head === undefined) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  if (tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

/** The 16-bit groups of one side of `::`; the last one may be a dotted IPv4 address. */
function readGroups(half: string): number[] | undefined {
  if (half === '') return []
  const groups: number[] = []
  const parts = half.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const value = readIpv4(part)
      if (value === undefined) return undefined
      groups.push(value >>> 16, value & 0xffff)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return groups
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups shortened. */
function formatIpv6(groups: readonly number[]): Address {
  let start = -1
  let length = 1
  for (let index = 0; index < 8; index++) {
    let end = index
    while (end < 8 && groups[end] === 0) end++
    if (end - index > length) {
      start = index
      length = end - index
    }
    index = Math.max(index, end - 1)
  }
  const text = groups.map((group) => group.toString(16))
  if (start < 0) return text.join(':') as Address
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}` as Address
}
