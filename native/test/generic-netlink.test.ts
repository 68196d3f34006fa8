import test from 'ava'
import {
  beginGenericCommand,
  findAttribute,
  GenericNetlinkFamilyError,
  GenericNetlinkSocket,
  genericHeaderBytes,
  messageFlag,
  NetlinkWriter,
  readMessages,
} from '../index.ts'

test('a command is a netlink message with the generic header before its attributes', (t) => {
  const writer = new NetlinkWriter()
  const start = beginGenericCommand(writer, { id: 0x21, version: 1 }, 5, messageFlag.ack)
  writer.stringAttribute(2, 'rr')
  writer.endMessage(start)
  const [message] = readMessages(writer.bytes)
  t.is(message?.type, 0x21)
  t.is(message?.flags, messageFlag.request | messageFlag.ack)
  t.deepEqual([...message!.payload.subarray(0, genericHeaderBytes)], [5, 1, 0, 0])
  t.is(findAttribute(message!.payload.subarray(genericHeaderBytes), 2)?.toString(), 'rr\0')
})

test('a family that the kernel has is found by its name, and answers', (t) => {
  const socket = new GenericNetlinkSocket({ name: 'nlctrl', version: 1 }, { sendBufferBytes: 1 << 16 })
  try {
    t.is(socket.family.id, 16)
    const writer = new NetlinkWriter()
    const start = socket.beginCommand(writer, 3, 0x300)
    writer.endMessage(start)
    const names = [...socket.dump(writer, ({ errno }) => new Error(String(errno)))].map(({ payload }) =>
      findAttribute(payload.subarray(genericHeaderBytes), 2)?.toString().replace('\0', ''),
    )
    t.true(names.includes('nlctrl'))
  } finally {
    socket.close()
  }
})

test('a family that the kernel lacks is named', (t) => {
  const error = t.throws(
    () => new GenericNetlinkSocket({ name: 'PL_NOT_THERE', version: 1 }, { sendBufferBytes: 1 << 16 }),
    { instanceOf: GenericNetlinkFamilyError, code: 'GENERIC_NETLINK_FAMILY_MISSING' },
  )
  t.regex(error.message, /PL_NOT_THERE/)
})

test('a refused command tells its errno by sequence number, and the others are done', (t) => {
  const socket = new GenericNetlinkSocket({ name: 'nlctrl', version: 1 }, { sendBufferBytes: 1 << 16 })
  try {
    const writer = new NetlinkWriter()
    // Commands that the controller doesn't know.
    for (const flags of [0, messageFlag.ack]) writer.endMessage(socket.beginCommand(writer, 99, flags))
    t.deepEqual(
      socket.transact(writer).map(({ sequence, errno }) => [sequence, errno]),
      [
        [1, 95],
        [2, 95],
      ],
    )
  } finally {
    socket.close()
  }
})
