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
const protocolOf = { UDP: 17, ICMPv4: 1, ICMPv6: 58 }

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
      t.is(await link.answersTo([packet(family, protocol, payload)]), isAnswered ? 1 : 0)
    })
  }

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

/** A link of a lab's node to nobody, whose packets begin with the IP header. */
async function refusingLink(family: IpFamily) {
  const lab = await createLab({ pods: 1 })
  const link = openTun('bare0', lab.node.networkNamespace)
  await lab.node.exec('ip', ['link', 'set', 'bare0', 'up'])
  const one = route('a/b', [clusterIP(vip[family], refused)], [], { protocol: 'UDP' })
  const clusterIPs = new Set([vip[family] as Address])
  const { dataplane } = await applied(lab.node, nodeTable(lab.node, family, [one], { clusterIPs }))
  const heard = Buffer.alloc(65_536)
  let answers = 0
  const listen = () => {
    for (;;) {
      try {
        readSync(link, heard)
      } catch {
        // Nothing more for now.
        return
      }
      // Not what the kernel itself sends out of a new link.
      const to = family === 'IPv4' ? heard.subarray(16, 20) : heard.subarray(24, 40)
      if (to.equals(addressBytes(client[family] as Address))) answers++
    }
  }
  return {
    async answersTo(packets: readonly Buffer[]): Promise<number> {
      for (const one of packets) {
        writeSync(link, one)
        listen()
      }
      for (let turn = 0; turn < 10; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        listen()
      }
      return answers
    },
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

/** An ICMP message about a datagram that nobody has sent. */
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
  return Buffer.concat([header, payload])
}
