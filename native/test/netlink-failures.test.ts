import { execFileSync } from 'node:child_process'
import { createLab } from '@portolan/lab'
import test from 'ava'
import {
  describeErrno,
  messageFlag,
  type NetlinkAck,
  NetlinkSocket,
  type NetlinkSocketOptions,
  NetlinkWriter,
} from '../index.ts'

/** What happens to netlink sockets of the real kernel. netlink-answers.test.ts spoils answers in every other way. */

const [route, generic] = [0, 16]
const [getAddress, getRule, ipv4] = [22, 34, 2]
const noOperation = 1

const asError = ({ errno }: NetlinkAck) => new Error(describeErrno(errno).code)

function routeDump(type: number, headerBytes: number): Buffer {
  const writer = new NetlinkWriter()
  const start = writer.beginMessage(type, messageFlag.request | messageFlag.dump)
  writer.uint8(ipv4)
  for (let byte = 1; byte < headerBytes; byte++) writer.uint8(0)
  writer.endMessage(start)
  return writer.bytes
}

/** Commands to the controller of generic netlink: those that it knows ask for the controller itself. */
function commands(count: number, command: number, flags = 0): NetlinkWriter {
  const writer = new NetlinkWriter()
  let start = 0
  for (let index = 0; index < count; index++) {
    start = writer.beginMessage(16, messageFlag.request | flags)
    for (const byte of [command, 1, 0, 0]) writer.uint8(byte)
    writer.stringAttribute(2, 'nlctrl')
    writer.endMessage(start)
  }
  writer.addMessageFlags(start, messageFlag.ack)
  return writer
}

async function using(options: NetlinkSocketOptions, run: (socket: NetlinkSocket) => unknown): Promise<void> {
  const socket = new NetlinkSocket(options)
  try {
    await run(socket)
  } finally {
    socket.close()
  }
}

test('a dump that is left half-way spoils neither the next dump nor the next question', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  // More than the kernel puts into the first datagrams, so that it has a dump to go on with.
  const addresses = Array.from({ length: 2000 }, (_, index) => `192.0.${index >> 8}.${index & 255}/32`)
  execFileSync('nsenter', [`--net=${networkNamespace}`, 'ip', '-batch', '-'], {
    input: addresses.map((address) => `address add ${address} dev lo`).join('\n'),
  })
  await using({ protocol: route, networkNamespace, sendBufferBytes: 1 << 16 }, (socket) => {
    for (let turn = 0; turn < 3; turn++) {
      for (const _ of socket.dump(routeDump(getAddress, 8), asError)) break
      // Rules of IPv4 are three at first; anything else in there is an address.
      t.is([...socket.dump(routeDump(getRule, 12), asError)].length, 3)
      for (const _ of socket.dump(routeDump(getAddress, 8), asError)) break
      t.true([...socket.dump(routeDump(getAddress, 8), asError)].length >= 2000)
    }
    // One that is never heard of again, because its reader has failed elsewhere.
    const forgotten = socket.dump(routeDump(getAddress, 8), asError)
    forgotten.next()
    t.is([...socket.dump(routeDump(getRule, 12), asError)].length, 3)
  })
})

test('answers that the kernel had no room for are told as lost, and the socket goes on', async (t) => {
  const unknown = 99
  await using({ protocol: generic, sendBufferBytes: 1 << 20, receiveBufferBytes: 1 }, (socket) => {
    for (let turn = 0; turn < 3; turn++) {
      // 500 refusals, each in a datagram of its own.
      const refused = commands(500, unknown)
      t.throws(() => socket.transact(refused.bytes, refused.sequence), { code: 'NETLINK_OVERRUN' })
      const one = commands(1, unknown)
      t.deepEqual(
        socket.transact(one.bytes, 1).map(({ sequence, errno }) => [sequence, describeErrno(errno).code]),
        [[1, 'ENOTSUP']],
      )
    }
  })
})

test('a request that the kernel never answers ends after its time, and the socket goes on', async (t) => {
  await using({ protocol: generic, sendBufferBytes: 1 << 16, answerTimeoutMs: 50 }, (socket) => {
    const writer = new NetlinkWriter()
    writer.endMessage(writer.beginMessage(noOperation, messageFlag.request))
    t.throws(() => socket.transact(writer.bytes, 1), { code: 'NETLINK_UNANSWERED' })
    t.throws(() => socket.ask(writer.bytes, asError), { code: 'NETLINK_UNANSWERED' })
    t.throws(() => [...socket.dump(writer.bytes, asError)], { code: 'NETLINK_UNANSWERED' })
    const known = commands(1, 3)
    t.notThrows(() => socket.ask(known.bytes, asError))
  })
})
