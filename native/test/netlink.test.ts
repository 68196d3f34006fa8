import { execFileSync } from 'node:child_process'
import { createLab } from '@portolan/lab'
import test from 'ava'
import {
  describeErrno,
  findAttribute,
  inNetworkNamespace,
  messageFlag,
  messageType,
  NetlinkProtocolError,
  NetlinkSocket,
  NetlinkWriter,
  nested,
  readAck,
  readAttributes,
  readDone,
  readMessages,
  readWhole,
  SystemCallError,
} from '../index.ts'

const netfilter = 12

test('what the writer writes, the reader reads: messages, nested attributes, padding', (t) => {
  const writer = new NetlinkWriter()
  for (const name of ['a', 'abc', 'abcd']) {
    const message = writer.beginMessage(7, messageFlag.request)
    const outer = writer.beginAttribute(nested | 3)
    writer.stringAttribute(1, name)
    writer.uint32BEAttribute(2, 0x01020304)
    writer.endAttribute(outer)
    writer.endMessage(message)
  }
  const messages = [...readMessages(writer.bytes)]
  t.deepEqual(
    messages.map(({ type, flags, sequence }) => [type, flags, sequence]),
    [1, 2, 3].map((sequence) => [7, messageFlag.request, sequence]),
  )
  for (const [index, name] of ['a', 'abc', 'abcd'].entries()) {
    const outer = findAttribute(messages[index]!.payload, 3)!
    const inner = [...readAttributes(outer)]
    t.deepEqual(
      inner.map(({ type }) => type),
      [1, 2],
    )
    t.is(inner[0]!.value.toString(), `${name}\0`)
    t.is(inner[1]!.value.readUInt32BE(0), 0x01020304)
  }
  t.is(writer.length % 4, 0)
})

test('a writer grows beyond its first buffer, and starts again from nothing', (t) => {
  const writer = new NetlinkWriter()
  const message = writer.beginMessage(1, 0)
  for (let word = 0; word < 500_000; word++) writer.uint32(word)
  writer.endMessage(message)
  const [read] = readMessages(writer.bytes)
  t.is(read?.payload.readUInt32LE(4 * 499_999), 499_999)
  writer.reset()
  t.is(writer.length, 0)
  writer.beginMessage(1, 0)
  t.is(writer.sequence, 1)
})

test('bytes that are no messages end the reading, and never throw', (t) => {
  const rows = ['', '00', 'ffffffff00000000ffffffff00000000', '0500000000000000', '10000000'.padEnd(32, '0')]
  for (const hex of rows) {
    const bytes = Buffer.from(hex, 'hex')
    t.notThrows(() => [...readMessages(bytes)])
    t.notThrows(() => [...readAttributes(bytes)])
  }
})

test('a refused request tells its errno and, where the kernel has them, words and place', (t) => {
  const socket = new NetlinkSocket({ protocol: netfilter, sendBufferBytes: 1 << 20 })
  try {
    const writer = new NetlinkWriter()
    // Getting a chain without saying of which table.
    const message = writer.beginMessage((10 << 8) | 4, messageFlag.request)
    for (const byte of [2, 0, 0, 0]) writer.uint8(byte)
    writer.endMessage(message)
    const error = t.throws(() =>
      socket.ask(Buffer.from(writer.bytes), (ack) => new Error(describeErrno(ack.errno).code)),
    )
    t.is(error?.message, 'EINVAL')
  } finally {
    socket.close()
  }
})

test("an acknowledgement is read with the kernel's text and the offset of the offending attribute", (t) => {
  const payload = Buffer.alloc(4 + 16 + 12 + 8)
  payload.writeInt32LE(-17, 0)
  payload.writeUInt16LE(4 + 7, 20)
  payload.writeUInt16LE(1, 22)
  payload.write('exists\0', 24)
  payload.writeUInt16LE(8, 32)
  payload.writeUInt16LE(2, 34)
  payload.writeUInt32LE(40, 36)
  t.deepEqual(readAck({ sequence: 5, payload }), {
    sequence: 5,
    errno: 17,
    message: 'exists',
    attributeOffset: 40,
  })
})

const route = 0

/** A dump request of rtnetlink(7) for one address family. */
function routeDump(type: number, family: number, headerBytes: number): Buffer {
  const writer = new NetlinkWriter()
  const message = writer.beginMessage(type, messageFlag.request | messageFlag.dump)
  writer.uint8(family)
  for (let byte = 1; byte < headerBytes; byte++) writer.uint8(0)
  writer.endMessage(message)
  return writer.bytes
}

const asError = ({ errno }: { readonly errno: number }) => new Error(describeErrno(errno).code)

test('a dump that the kernel cuts off is an error, and not taken for whole', (t) => {
  const socket = new NetlinkSocket({ protocol: route, sendBufferBytes: 1 << 16 })
  try {
    const [getRule, appleTalk, ipv4] = [34, 5, 2]
    t.throws(() => [...socket.dump(routeDump(getRule, appleTalk, 12), asError)], { message: 'EAFNOSUPPORT' })
    t.true([...socket.dump(routeDump(getRule, ipv4, 12), asError)].length > 0)
  } finally {
    socket.close()
  }
})

test('the end of a dump is read with its errno and, where it has them, words', (t) => {
  const done = { type: messageType.done, flags: 0, sequence: 3 }
  t.is(readDone({ ...done, payload: Buffer.alloc(0) }).errno, 0)
  t.is(readDone({ ...done, payload: Buffer.alloc(4) }).errno, 0)
  const payload = Buffer.alloc(4 + 8)
  payload.writeInt32LE(-2, 0)
  payload.writeUInt16LE(4 + 4, 4)
  payload.writeUInt16LE(1, 6)
  payload.write('gon\0', 8)
  t.like(readDone({ ...done, payload }), { sequence: 3, errno: 2, message: undefined })
  t.like(readDone({ ...done, flags: messageFlag.ackAttributes, payload }), { errno: 2, message: 'gon' })
})

test('a dump that a change interrupts is told, and asked for again until one is whole', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const ip = (lines: readonly string[]) =>
    execFileSync('nsenter', [`--net=${networkNamespace}`, 'ip', '-batch', '-'], { input: lines.join('\n') })
  // More than the kernel puts into the first datagrams.
  const addresses = Array.from({ length: 2000 }, (_, index) => `192.0.${index >> 8}.${index & 255}/32`)
  ip(addresses.map((address) => `address add ${address} dev lo`))
  const socket = new NetlinkSocket({ protocol: route, networkNamespace, sendBufferBytes: 1 << 16 })
  const [getAddress, ipv4] = [22, 2]
  let changes = 0
  const read = (most: number) => {
    let count = 0
    for (const _ of socket.dump(routeDump(getAddress, ipv4, 8), asError)) {
      if (count++ > 0 || changes >= most) continue
      ip([`address add 198.51.100.${++changes}/32 dev lo`])
    }
    return count
  }
  try {
    t.throws(() => read(1), { instanceOf: NetlinkProtocolError, code: 'NETLINK_DUMP_INTERRUPTED' })
    t.true(readWhole(() => read(3)) >= 2003)
    t.is(changes, 3)
    t.throws(() => readWhole(() => read(100)), { code: 'NETLINK_DUMP_INTERRUPTED' })
  } finally {
    socket.close()
  }
})

test('a socket that is closed says so, and may be closed again', (t) => {
  const socket = new NetlinkSocket({ protocol: netfilter, sendBufferBytes: 1 << 20 })
  socket.close()
  t.notThrows(() => socket.close())
  t.throws(() => socket.transact(Buffer.alloc(0), 1))
})

test('a network namespace that is not there is named, with the errno in words', (t) => {
  const error = t.throws(() => inNetworkNamespace('/run/netns/pl-not-there', () => 1), {
    instanceOf: SystemCallError,
    code: 'ENOENT',
  })
  t.regex(error.message, /pl-not-there: no such file or directory \(ENOENT\)/)
})
