import { isIP } from 'node:net'
import test from 'ava'
import fc from 'fast-check'
import { address, cidr } from '../../table/builder/test/example-records.ts'
import {
  addressBytes,
  cidrContains,
  disjointCidrs,
  formatBytes,
  ipv4Number,
  parseAddress,
  parseCidr,
  splitCidr,
} from '../address.ts'

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros, where RFC 5952 is intricate.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
    .map((list) => Uint8Array.from(list)),
)

test('the number of an address is its four bytes, and an IPv6 address has none', (t) => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const wanted = raw.length === 4 ? Buffer.from(raw).readUInt32BE(0) : undefined
      t.is(ipv4Number(formatBytes(raw)), wanted)
    }),
  )
})

test('what is formatted is parsed back to the same bytes and the same text', (t) => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const text = formatBytes(raw)
      const parsed = parseAddress(text)
      t.not(parsed, undefined)
      t.is(isIP(text), raw.length === 4 ? 4 : 6)
      if (text.startsWith('::ffff:') && isIP(parsed!) === 4) return
      t.is(parsed, text)
      t.deepEqual(addressBytes(parsed!), Uint8Array.from(raw))
    }),
    { numRuns: 2000 },
  )
})

test('it accepts what node:net accepts, and besides only leading zeros', (t) => {
  const characters = fc.string({ unit: fc.constantFrom(...'0123456789abf:.:.::'), maxLength: 24 })
  fc.assert(
    fc.property(characters, (text) => {
      const parsed = parseAddress(text)
      if (isIP(text) !== 0) t.not(parsed, undefined)
      else if (parsed !== undefined) t.regex(text, /(^|[.:])0\d/)
    }),
    { numRuns: 5000 },
  )
  t.pass()
})

test('IPv6 agrees with the WHATWG serializer', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (raw) => {
      const text = formatBytes(raw)
      t.is(new URL(`http://[${text}]/`).hostname, `[${text}]`)
    }),
  )
})

const cidrRows: readonly [string, string | undefined][] = [
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['203.0.113.000/025', '203.0.113.0/25'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['fd00::1/64', 'fd00::/64'],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/-1', undefined],
  ['fd00::/129', undefined],
]

for (const [text, expected] of cidrRows) {
  test(`the CIDR ${text} is read as ${expected ?? 'none'}`, (t) => {
    t.is(parseCidr(text), expected as never)
  })
}

test('disjoint CIDRs cover the same addresses, and no two of them overlap', (t) => {
  const ranges = fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 24, max: 32 })))
  fc.assert(
    fc.property(ranges, (list) => {
      const cidrs = list.map(([last, length]) => cidr(`10.0.0.${last * 32}/${length}`))
      const disjoint = disjointCidrs(cidrs)
      for (let last = 0; last < 256; last++) {
        const one = address(`10.0.0.${last}`)
        const covering = disjoint.filter((range) => cidrContains(range, one))
        t.is(covering.length, cidrs.some((range) => cidrContains(range, one)) ? 1 : 0)
      }
      t.true(disjoint.every((range) => splitCidr(range).prefixLength >= 24))
    }),
    { numRuns: 50 },
  )
  t.pass()
})
