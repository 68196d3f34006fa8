import { closeSync, readSync, writeSync } from 'node:fs'
import { cpus } from 'node:os'
import { type Address, addressBytes, type IpFamily } from '@portolan/core'
import { createLab } from '@portolan/lab'
import { openTun } from '@portolan/native'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, refused, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/** Packets that a Service without endpoints refuses, written to the node's link one by one: which are answered. */

const vip = { IPv4: '10.96.0.1', IPv6: 'fd00:10:96::1' } as const
const client = { IPv4: '10.88.0.2', IPv6: 'fd00:88::2' } as const
const protocolOf = { TCP: 6, UDP: 17, ICMPv4: 1, ICMPv6: 58 }

for (const family of ['IPv4', 'IPv6'] as const) {
  const icmp = family === 'IPv4' ? protocolOf.ICMPv4 : protocolOf.ICMPv6
  const [unreachable, echo, redirect] = family === 'IPv4' ? [3, 8, 5] : [1, 128, 137]

  for (const [claim, protocol, payload, isAnswered] of [
    ['a datagram is', protocolOf.UDP, datagram(80), true],
    ['an echo request is', icmp, message(echo), true],
    ['an error about an unknown connection is not', icmp, message(unreachable), false],
    ['a redirect is not', icmp, message(redirect), false],
  ] as const) {
    test(`to a ClusterIP that refuses, ${claim} answered with an error, ${family}`, async (t) => {
      await using link = await refusingLink(family)
      const expected = isAnswered ? 1 : 0
      t.is(await link.answersTo([packet(family, protocol, payload)], expected), expected)
    })
  }

  const headerLength = family === 'IPv4' ? 20 : 40
  for (const [options, what] of [
    ['', 'without options'],
    ['020405b40402080a1122334400000000010303ff', 'with options'],
    [`${'01'.repeat(39)}00`, 'with as many options as there may be'],
  ] as const) {
    test(`to a ClusterIP that refuses, a SYN ${what} is answered with a reset, ${family}`, async (t) => {
      await using link = await refusingLink(family, 'TCP')
      t.is(await link.answersTo([packet(family, protocolOf.TCP, syn(family, options))], 1), 1)
      const answer = link.lastAnswer()
      t.is(answer.length, headerLength + 20)
      if (family === 'IPv4') t.is(internetSum(answer.subarray(0, headerLength)), 0xffff)
      const segment = answer.subarray(headerLength)
      t.is(internetSum(Buffer.concat([pseudoHeader(family, segment.length), segment])), 0xffff)
      const [from, to] = [segment.readUInt16BE(0), segment.readUInt16BE(2)]
      t.deepEqual([from, to, segment.readUInt32BE(4), segment.readUInt32BE(8)], [80, 5000, 0, synNumber + 1])
      t.deepEqual([...segment.subarray(12, 14)], [0x50, resetAndAcknowledge])
    })
  }

  test(`to a ClusterIP that refuses, a SYN with data is answered with an error, ${family}`, async (t) => {
    await using link = await refusingLink(family, 'TCP')
    const withData = Buffer.concat([syn(family, ''), Buffer.from('GET')])
    t.is(await link.answersTo([packet(family, protocolOf.TCP, withData)], 1), 1)
    const answer = link.lastAnswer()
    t.is(answer[family === 'IPv4' ? 9 : 6], icmp)
    t.is(answer[headerLength], unreachable)
  })

  test(`a flood is answered with a limited number of errors, ${family}`, async (t) => {
    await using link = await refusingLink(family)
    const begun = performance.now()
    const flood = Array.from({ length: 20_000 }, () => packet(family, protocolOf.UDP, datagram(80)))
    const answers = await link.answersTo(flood)
    const seconds = (performance.now() - begun) / 1000
    // What each processor has saved up, and gets meanwhile.
    t.true(answers >= 1000, `${answers} answers`)
    t.true(answers <= cpus().length * 1000 * (1 + seconds), `${answers} answers in ${seconds} seconds`)
  })
}

/** A link of a lab's node to no host, whose packets begin with the IP header. */
async function refusingLink(family: IpFamily, protocol: 'TCP' | 'UDP' = 'UDP') {
  const lab = await createLab({ pods: 1 })
  const link = openTun('bare0', lab.node.networkNamespace)
  await lab.node.exec('ip', ['link', 'set', 'bare0', 'up'])
  const one = route('a/b', [clusterIP(vip[family], refused)], [], { protocol })
  const clusterIPs = new Set([vip[family] as Address])
  const { dataplane } = await applied(lab.node, nodeTable(lab.node, family, [one], { clusterIPs }))
  const heard = Buffer.alloc(65_536)
  let answers = 0
  let last = Buffer.alloc(0)
  const listen = () => {
    for (;;) {
      let length: number
      try {
        length = readSync(link, heard)
      } catch {
        // Nothing more for now.
        return
      }
      // Not what the kernel itself sends out of a new link.
      const to = family === 'IPv4' ? heard.subarray(16, 20) : heard.subarray(24, 40)
      if (!to.equals(addressBytes(client[family] as Address))) continue
      answers++
      last = Buffer.from(heard.subarray(0, length))
    }
  }
  return {
    /** @param least that are waited for; none come after them */
    async answersTo(packets: readonly Buffer[], least = 0): Promise<number> {
      for (const one of packets) {
        writeSync(link, one)
        listen()
      }
      for (const end = performance.now() + 60_000; answers < least && performance.now() < end; listen())
        await new Promise((resolve) => setTimeout(resolve, 20))
      for (let turn = 0; turn < 10; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        listen()
      }
      return answers
    },
    lastAnswer: () => last,
    async [Symbol.asyncDispose]() {
      closeSync(link)
      await dataplane.cleanup()
      await lab.close()
    },
  }
}

function datagram(port: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt16BE(5000, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.writeUInt16BE(bytes.length, 4)
  return bytes
}

const synNumber = 0xfffffffe - 0x1000
const resetAndAcknowledge = 0x14

/** @param options in hexadecimal */
function syn(family: IpFamily, options: string): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(20), Buffer.from(options, 'hex')])
  bytes.writeUInt16BE(5000, 0)
  bytes.writeUInt16BE(80, 2)
  bytes.writeUInt32BE(synNumber, 4)
  bytes.set([(bytes.length / 4) << 4, 2, 0xfa, 0xf0], 12)
  const sum = internetSum(Buffer.concat([pseudoHeader(family, bytes.length), bytes]))
  bytes.writeUInt16BE(0xffff - sum, 16)
  return bytes
}

/** What TCP's checksum covers besides the segment (RFC 9293, 3.1); the same in both directions. */
function pseudoHeader(family: IpFamily, length: number): Buffer {
  const rest = Buffer.alloc(8)
  rest.writeUInt32BE(length, 0)
  rest[7] = protocolOf.TCP
  const addresses = [client[family], vip[family]].map((one) => addressBytes(one as Address))
  return Buffer.concat([...addresses, rest])
}

/** The ones' complement sum of 16-bit words (RFC 1071): 0xffff where a checksum is in it and right. */
function internetSum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}

/** An ICMP message about a datagram that was never sent. */
function message(type: number): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(64)])
}

function packet(family: IpFamily, protocol: number, payload: Buffer): Buffer {
  const [source, destination] = [client[family], vip[family]].map((one) => addressBytes(one as Address))
  const header = Buffer.alloc(family === 'IPv4' ? 20 : 40)
  if (family === 'IPv4') {
    header.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol])
    header.writeUInt16BE(header.length + payload.length, 2)
  } else {
    header.set([0x60, 0, 0, 0, 0, 0, protocol, 64])
    header.writeUInt16BE(payload.length, 4)
  }
  header.set(source!, family === 'IPv4' ? 12 : 8)
  header.set(destination!, family === 'IPv4' ? 16 : 24)
  if (family === 'IPv4') header.writeUInt16BE(0xffff - internetSum(header), 10)
  return Buffer.concat([header, payload])
}
