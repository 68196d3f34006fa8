import test from 'ava'
import {
  describeErrno,
  findAttribute,
  inNetworkNamespace,
  messageFlag,
  messageType,
  NetlinkSocket,
  NetlinkWriter,
  nested,
  readAck,
  readAttributes,
  readMessages,
  SystemCallError,
} from './index.ts'

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
  t.deepEqual(readAck({ type: messageType.error, flags: 0, sequence: 5, payload }), {
    sequence: 5,
    errno: 17,
    message: 'exists',
    attributeOffset: 40,
  })
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
