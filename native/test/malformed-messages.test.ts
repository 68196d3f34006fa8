import test from 'ava'
import { findNumber, NetlinkProtocolError, NetlinkWriter, nested } from '../index.ts'
import { FlowView } from '../netfilter/conntrack-messages.ts'
import { readIpsetElements, readIpsetRevision } from '../netfilter/index.ts'

const malformed = { instanceOf: NetlinkProtocolError, code: 'NETLINK_MALFORMED' }

/** One attribute after four bytes of header. */
function payload(type: number, value: readonly number[]): Buffer {
  const writer = new NetlinkWriter()
  writer.uint32(0)
  const start = writer.beginAttribute(type)
  writer.copy(Uint8Array.from(value))
  writer.endAttribute(start)
  return Buffer.from(writer.bytes)
}

test('a number that its attribute has no room for is no netlink message', (t) => {
  const attributes = payload(3, [1, 2]).subarray(4)
  t.is(findNumber(attributes, 3, 'uint16BE'), 0x102)
  t.is(findNumber(attributes, 4, 'uint32'), undefined)
  t.throws(() => findNumber(attributes, 3, 'uint32'), {
    ...malformed,
    message: /attribute 3 has 2 bytes instead of 4/,
  })
  t.throws(() => readIpsetRevision(payload(4, [])), malformed)
})

test('an address of an ipset that has the bytes of neither family is no netlink message', (t) => {
  const writer = new NetlinkWriter()
  writer.uint32(0)
  const starts = [8, 7, 1, 1].map((type) => writer.beginAttribute(nested | type))
  writer.copy(Uint8Array.of(10, 96, 0))
  for (const start of starts.toReversed()) writer.endAttribute(start)
  t.throws(() => [...readIpsetElements(Buffer.from(writer.bytes), 'IPv4')], malformed)
})

test('a port of one byte at the end of what was received is no port', (t) => {
  // The original direction's ports (2) have a destination port (3) of one byte, and the datagram ends there.
  const bytes = Buffer.from([0, 0, 0, 0, 13, 0, 1, 0, 9, 0, 2, 0, 5, 0, 3, 0, 80])
  const flow = new FlowView('IPv4')
  t.false(flow.read(bytes, 0, bytes.length))
  t.is(flow.destinationPort, 0)
})
