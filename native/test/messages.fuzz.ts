import assert from 'node:assert/strict'
import fc from 'fast-check'
import { damagedBytes, damagedText } from '../../test/fuzz/damaged.ts'
import {
  findNumber,
  NetlinkProtocolError,
  NetlinkWriter,
  nested,
  readAttributes,
  readMessages,
} from '../index.ts'
import { readBtfTypes } from '../libbpf/btf.ts'
import { FlowView } from '../netfilter/conntrack-messages.ts'
import {
  isIpsetOfType,
  isSameSetType,
  readIpsetCount,
  readIpsetElements,
  readIpsetRevision,
  readSavedRules,
} from '../netfilter/index.ts'

/** Reads to the end, or to an error that callers know. */
function declared<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    assert.ok(error instanceof NetlinkProtocolError, String(error))
    return undefined
  }
}

/** A message whose attributes are as given: bytes, or attributes again. */
type Attributes = readonly (readonly [type: number, value: readonly number[] | { readonly in: Attributes }])[]

function message(attributes: Attributes): Buffer {
  const writer = new NetlinkWriter()
  const start = writer.beginMessage(0x101, 0)
  writer.uint32(0)
  const write = (all: Attributes): void => {
    for (const [type, value] of all) {
      const at = writer.beginAttribute('in' in value ? nested | type : type)
      if ('in' in value) write(value.in)
      else writer.copy(Uint8Array.from(value))
      writer.endAttribute(at)
    }
  }
  write(attributes)
  writer.endMessage(start)
  return Buffer.from(writer.bytes)
}

const tuple = (addresses: Attributes) =>
  [
    [1, { in: addresses }],
    [
      2,
      {
        in: [
          [1, [17]],
          [2, [0, 53]],
          [3, [0, 53]],
        ],
      },
    ],
  ] as const
const flow4 = message([
  [
    1,
    {
      in: tuple([
        [1, [10, 1, 0, 1]],
        [2, [10, 96, 0, 10]],
      ]),
    },
  ],
  [
    2,
    {
      in: tuple([
        [1, [10, 1, 0, 2]],
        [2, [10, 1, 0, 1]],
      ]),
    },
  ],
  [12, [0, 0, 0, 7]],
])
const sixteen = Array.from({ length: 16 }, (_, index) => index)
const flow6 = message([
  [
    1,
    {
      in: tuple([
        [3, sixteen],
        [4, sixteen],
      ]),
    },
  ],
  [
    2,
    {
      in: tuple([
        [3, sixteen],
        [4, sixteen],
      ]),
    },
  ],
])
const set = message([
  [3, [...Buffer.from('hash:ip,port\0')]],
  [4, [5]],
  [5, [2]],
  [
    7,
    {
      in: [
        [19, [0, 1, 0, 0]],
        [24, [0, 0, 0, 1]],
      ],
    },
  ],
  [
    8,
    {
      in: [
        [
          7,
          {
            in: [
              [1, { in: [[1, [10, 96, 0, 10]]] }],
              [4, [0, 80]],
              [7, [6]],
              [3, [24]],
              [27, [0, 0, 0, 1]],
            ],
          },
        ],
        [
          7,
          {
            in: [
              [1, { in: [[2, sixteen]] }],
              [20, { in: [[2, sixteen]] }],
            ],
          },
        ],
      ],
    },
  ],
])

/** Right in form, but anything in it: attributes in attributes, with values that are too short or too long. */
const { attributes } = fc.letrec<{ attributes: Attributes }>((tie) => ({
  attributes: fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 28 }),
      fc.oneof(
        { depthSize: 'small' },
        fc.array(fc.nat(255), { maxLength: 17 }),
        fc.record({ in: tie('attributes') }),
      ),
    ),
    { maxLength: 4 },
  ),
}))
const anyMessage = (...right: readonly Buffer[]) =>
  fc.oneof(
    { weight: 2, arbitrary: damagedBytes(...right) },
    { weight: 1, arbitrary: attributes.map(message) },
  )

/** Every message and attribute lies in what came, and the walk goes on. */
export const netlink = fc.property(anyMessage(Buffer.concat([flow4, set]), flow6), (bytes) => {
  let read = 0
  for (const { payload } of readMessages(bytes)) {
    read += 16 + payload.length
    let inside = 0
    for (const { type, value } of readAttributes(payload)) {
      inside += 4 + value.length
      declared(() => findNumber(payload, type, 'uint32BE'))
    }
    assert.ok(inside <= payload.length)
  }
  assert.ok(read <= bytes.length)
})

/** A flow is in its family's shape, or none; what tells it from others lies in what came. */
export const flows = fc.property(anyMessage(flow4, flow6), fc.nat(20), (bytes, spare) => {
  // The kernel's datagrams lie in a larger buffer.
  const buffer = Buffer.concat([bytes, Buffer.alloc(spare, 255)])
  for (const family of ['IPv4', 'IPv6'] as const) {
    const flow = new FlowView(family)
    if (!flow.read(buffer, 16, bytes.length)) continue
    const length = family === 'IPv4' ? 4 : 16
    assert.equal(flow.destinationAddress.length, length)
    for (const key of [flow.destination, flow.replySource])
      assert.ok(family === 'IPv4' ? Number.isSafeInteger(key) : String(key).length === length + 1)
    assert.ok(flow.identity().every((part) => part.length >= 4 && part.length <= bytes.length))
  }
})

export const ipsets = fc.property(anyMessage(set), (bytes) => {
  const payload = bytes.subarray(16)
  const type = { name: 'hash:ip,port', maxElements: 65_536, marks: false }
  declared(() => readIpsetRevision(payload))
  declared(() => readIpsetCount(payload))
  for (const family of ['IPv4', 'IPv6'] as const) {
    declared(() => isIpsetOfType(payload, family, type))
    for (const { address } of declared(() => [...readIpsetElements(payload, family)]) ?? [])
      assert.equal(address.length, family === 'IPv4' ? 4 : 16)
  }
})

const saved = `*nat
:PREROUTING ACCEPT [0:0]
:OURS-A - [0:0]
-A PREROUTING -m comment --comment "-j \\"OURS-B\\"" -j OURS-A
-A OURS-A -m statistic --mode random --probability 0.33332999982 -j DNAT --to-destination 10.1.0.1:80
COMMIT
`

/** What is ours is found, whatever others have written around it. */
export const savedRules = fc.property(damagedText(saved), (text) => {
  const tables = readSavedRules(`${text}\n${saved}`, (name) => name.startsWith('OURS-'))
  const nat = tables.get('nat')
  assert.equal(nat?.chains.get('OURS-A')?.length, 1)
  assert.equal(nat?.jumps.length, 1)
})

export const setTypes = fc.property(
  damagedText('hash:ip,port family inet hashsize 1024 maxelem 65536 counters bucketsize 12'),
  (text) => assert.ok(isSameSetType(text, text)),
)

/** The types of a map as another version of ours may have made it. */
const btf = (() => {
  const strings = Buffer.from('\0key\0address\0')
  const types = Buffer.alloc(24)
  types.writeUInt32LE(1, 0)
  types.writeUInt32LE((4 << 24) | 1, 4)
  types.writeUInt32LE(16, 8)
  types.writeUInt32LE(5, 12)
  const header = Buffer.alloc(24)
  header.writeUInt16LE(0xeb9f, 0)
  header.writeUInt32LE(24, 4)
  header.writeUInt32LE(types.length, 12)
  header.writeUInt32LE(types.length, 16)
  header.writeUInt32LE(strings.length, 20)
  return Buffer.concat([header, types, strings])
})()

export const btfTypes = fc.property(damagedBytes(btf), (bytes) => {
  try {
    for (const { members } of readBtfTypes(bytes).values()) assert.ok(members.length <= 65_535)
  } catch (error) {
    // The kernel gives only what it has checked itself; what a file has makes a start fail, and that is all.
    assert.ok(error instanceof RangeError, String(error))
  }
})
