import { createHmac } from 'node:crypto'
import {
  type Address,
  addressBytes,
  type Cidr,
  formatBytes,
  parseCidr,
  splitCidr,
} from '../../network/address.ts'

/**
 * Ranges whose addresses mean something by themselves; an address stays inside its own, and none gets into one that it
 * wasn't in. Private ranges are among them, so that a cluster's addresses stay ordinary ones.
 */
const meaningfulRanges: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8',
  '100.64.0.0/10', // carriers' and clouds' shared range
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3', // multicast and reserved
  '::/16', // unspecified, loopback, IPv4-mapped
  '64:ff9b::/32', // NAT64
  '2000::/3', // global unicast
  'fd00::/8', // unique local, as it is usually written
  'fe80::/10', // link-local
  'ff00::/8', // multicast
]

interface Range {
  readonly bytes: Uint8Array
  readonly length: number
}

const ranges: readonly Range[] = meaningfulRanges.flatMap((text) => {
  const cidr = parseCidr(text)
  if (cidr === undefined) return []
  const { address, prefixLength } = splitCidr(cidr)
  return [{ bytes: addressBytes(address), length: prefixLength }]
})

/** So many keystreams, of 32 bytes each, are remembered; the others are computed again. */
const rememberedStreams = 65_536

/**
 * Other addresses for addresses, by a bijection that keeps prefixes: two addresses that agree in their first n bits, and
 * no more, do so afterwards (the idea of Crypto-PAn: whether a bit is turned depends on the bits before it, and a key).
 * So whatever can be asked about addresses and CIDRs has the same answer as before: same or another, of which family, in
 * a CIDR or not, one CIDR in another. What the addresses were, only the key could tell.
 */
export class ScrambledAddresses {
  readonly #key: Buffer
  /** By the bytes before one byte: a bit for each way that the bits of that byte can begin. */
  readonly #streams = new Map<string, Buffer>()

  /** @param key at least 32 random bytes */
  constructor(key: Buffer) {
    this.#key = key
  }

  address(address: Address): Address {
    const bytes = addressBytes(address)
    return formatBytes(this.#scrambled(bytes, bytes.length * 8))
  }

  /** The host bits stay clear. */
  cidr(cidr: Cidr): Cidr {
    const { address, prefixLength } = splitCidr(cidr)
    const bytes = this.#scrambled(addressBytes(address), prefixLength)
    return `${formatBytes(bytes)}/${prefixLength}` as Cidr
  }

  /** The first `length` bits scrambled, the others as they are. */
  #scrambled(bytes: Uint8Array, length: number): Uint8Array {
    const result = Uint8Array.from(bytes)
    for (let byte = 0; byte * 8 < length; byte++) {
      const stream = this.#stream(bytes, byte)
      // As in a heap: 1 is the root, and below it the bits so far tell the place. So each beginning has its own bit.
      let place = 1
      for (let bit = 0; bit < 8; bit++) {
        const position = byte * 8 + bit
        const value = ((bytes[byte] ?? 0) >> (7 - bit)) & 1
        const turned = ((stream[place >> 3] ?? 0) >> (place & 7)) & 1
        if (position < length && turned === 1 && !leadsToRange(bytes, position)) {
          result[byte] = (result[byte] ?? 0) ^ (0x80 >> bit)
        }
        place = place * 2 + value
      }
    }
    return result
  }

  #stream(bytes: Uint8Array, byte: number): Buffer {
    const before = `${bytes.length}:${bytes.subarray(0, byte).join('.')}`
    const known = this.#streams.get(before)
    if (known !== undefined) return known
    const stream = createHmac('sha256', this.#key).update(before).digest()
    if (this.#streams.size >= rememberedStreams) this.#streams.clear()
    this.#streams.set(before, stream)
    return stream
  }
}

/** Whether the next bit decides about getting into a meaningful range: then it must not be turned. */
function leadsToRange(bytes: Uint8Array, position: number): boolean {
  return ranges.some(
    (range) =>
      range.bytes.length === bytes.length && position < range.length && agree(bytes, range.bytes, position),
  )
}

function agree(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit & 7)
    if (((one[bit >> 3] ?? 0) & mask) !== ((other[bit >> 3] ?? 0) & mask)) return false
  }
  return true
}
