import test from 'ava'
import fc from 'fast-check'
import {
  type Address,
  addressBytes,
  cidrContains,
  familyOf,
  type IpFamily,
  parseAddress,
  parseCidr,
} from '../../../network/address.ts'
import { specialRange } from '../../../network/special-addresses.ts'
import { ScrambledAddresses } from '../scrambled-addresses.ts'
import { anyAddress, anyCidr } from './example-arbitraries.ts'

const scrambled = new ScrambledAddresses(Buffer.alloc(32, 7))
const ip = (text: string) => parseAddress(text)!
const cidr = (text: string) => parseCidr(text)!

function commonBits(one: Address, other: Address): number {
  const bits = (address: Address) =>
    Array.from(addressBytes(address), (byte) => byte.toString(2).padStart(8, '0')).join('')
  const [a, b] = [bits(one), bits(other)]
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}

const families: readonly IpFamily[] = ['IPv4', 'IPv6']

for (const family of families) {
  test(`${family}: two addresses have as many leading bits in common as before, so it is a bijection`, (t) => {
    // Neighbours, because any two addresses hardly ever share more than their first bits.
    const neighbours = fc
      .tuple(anyAddress(family), fc.nat({ max: family === 'IPv4' ? 31 : 127 }))
      .map(([address, bit]) => {
        const bytes = Uint8Array.from(addressBytes(address))
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
        return [address, ip(family === 'IPv4' ? bytes.join('.') : ipv6Text(bytes))] as const
      })
    fc.assert(
      fc.property(neighbours, ([one, other]) => {
        fc.pre(familyOf(other) === family)
        const [a, b] = [scrambled.address(one), scrambled.address(other)]
        return commonBits(a, b) === commonBits(one, other)
      }),
    )
    t.pass()
  })

  test(`${family}: an address is in a CIDR afterwards if, and only if, it was before`, (t) => {
    fc.assert(
      fc.property(anyAddress(family), anyCidr(family), (address, range) => {
        const inside = cidrContains(range, address)
        return cidrContains(scrambled.cidr(range), scrambled.address(address)) === inside
      }),
    )
    fc.assert(
      fc.property(anyAddress(family), fc.nat({ max: family === 'IPv4' ? 32 : 128 }), (address, length) =>
        cidrContains(scrambled.cidr(cidr(`${address}/${length}`)), scrambled.address(address)),
      ),
    )
    t.pass()
  })

  test(`${family}: an address stays of its family, and as usable as it was`, (t) => {
    fc.assert(
      fc.property(anyAddress(family), (address) => {
        const other = scrambled.address(address)
        return familyOf(other) === family && specialRange(other) === specialRange(address)
      }),
      { numRuns: 2000 },
    )
    t.pass()
  })
}

function ipv6Text(bytes: Uint8Array): string {
  return (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':')
}

for (const [range, address] of [
  ['10.0.0.0/8', '10.96.0.1'],
  ['172.16.0.0/12', '172.30.0.41'],
  ['192.168.0.0/16', '192.168.7.9'],
  ['100.64.0.0/10', '100.100.0.1'],
  ['169.254.0.0/16', '169.254.169.254'],
  ['127.0.0.0/8', '127.0.0.1'],
  ['fd00::/8', 'fd00:10:96::1'],
  ['2000::/3', '2001:db8::1'],
  ['fe80::/10', 'fe80::1'],
] as const) {
  test(`${address} stays in ${range}`, (t) => {
    t.true(cidrContains(cidr(range), scrambled.address(ip(address))))
  })
}

test('a public address gets into no private range', (t) => {
  const own = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(cidr)
  const isPrivate = (address: Address) => own.some((range) => cidrContains(range, address))
  fc.assert(
    fc.property(
      anyAddress('IPv4'),
      (address) => isPrivate(scrambled.address(address)) === isPrivate(address),
    ),
    { numRuns: 2000 },
  )
  t.pass()
})

test('the same address is always the same one, and with another key another one', (t) => {
  const again = new ScrambledAddresses(Buffer.alloc(32, 7))
  const other = new ScrambledAddresses(Buffer.alloc(32, 8))
  const addresses = Array.from({ length: 100 }, (_, index) => ip(`203.0.113.${index}`))
  t.deepEqual(
    addresses.map((one) => again.address(one)),
    addresses.map((one) => scrambled.address(one)),
  )
  const equal = addresses.filter((one) => other.address(one) === scrambled.address(one))
  t.true(equal.length < 5, `${equal.length} of 100 are equal`)
})

test('hardly any address of a private range stays what it was', (t) => {
  const addresses = Array.from({ length: 1000 }, (_, index) => ip(`10.96.${index >> 8}.${index & 255}`))
  const unchanged = addresses.filter((one) => scrambled.address(one) === one)
  t.true(unchanged.length < 10, `${unchanged.length} of 1000 are as they were`)
})

test('the host bits of a CIDR stay clear', (t) => {
  t.regex(scrambled.cidr(cidr('10.244.3.0/24')), /^10\.\d+\.\d+\.0\/24$/)
  t.is(String(scrambled.cidr(cidr('0.0.0.0/0'))), '0.0.0.0/0')
})
