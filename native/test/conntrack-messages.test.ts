import { fullAddressBytes } from '@portolan/lab'
import test from 'ava'
import { NetlinkWriter, nested } from '../index.ts'
import { FlowView, flowKey } from '../netfilter/conntrack-messages.ts'
import type { IpFamily } from '../netfilter/index.ts'

const addresses: Readonly<Record<IpFamily, Readonly<Record<'client' | 'service' | 'server', string>>>> = {
  IPv4: { client: '10.1.0.7', service: '10.96.0.10', server: '10.1.1.5' },
  IPv6: { client: 'fd00:10:1:0:0:0:0:7', service: 'fd00:10:96:0:0:0:0:a', server: 'fd00:10:1:1:0:0:0:5' },
}

type Part = (writer: NetlinkWriter) => void

function attribute(type: number, ...inside: readonly (Part | readonly number[] | Uint8Array)[]): Part {
  return (writer) => {
    const start = writer.beginAttribute(type)
    for (const one of inside) {
      if (typeof one === 'function') one(writer)
      else writer.copy(Uint8Array.from(one))
    }
    writer.endAttribute(start)
  }
}

const portOf = (port: number) => [port >> 8, port & 255]

/** One direction's ends: addresses, and then protocol and ports, or the other way round. */
function tuple(family: IpFamily, type: number, ends: readonly (readonly [string, number])[]) {
  const [source = ['', 0], destination = ['', 0]] = ends
  const first = family === 'IPv4' ? 1 : 3
  const of = (number: number, address: string) => attribute(number, fullAddressBytes(address))
  const ip = attribute(nested | 1, of(first, source[0]), of(first + 1, destination[0]))
  const ports = [attribute(2, portOf(source[1])), attribute(3, portOf(destination[1]))]
  const protocol = attribute(nested | 2, attribute(1, [17]), ...ports)
  return {
    usual: attribute(nested | type, ip, protocol),
    turned: attribute(nested | type, protocol, ip),
    zoned: attribute(nested | type, ip, protocol, attribute(3, [0, 9])),
  }
}

for (const family of ['IPv4', 'IPv6'] as const) {
  const { client, service, server } = addresses[family]
  const original = tuple(family, 1, [
    [client, 40_000],
    [service, 53],
  ])
  const reply = tuple(family, 2, [
    [server, 5353],
    [client, 40_000],
  ])
  const [status, id] = [attribute(3, [0, 0, 0, 10]), attribute(12, [1, 2, 3, 4])]
  for (const [order, ...parts] of [
    ['as kernels write them', original.usual, reply.usual, status, id],
    ['behind another', status, original.usual, reply.usual, id],
    ['with one between', original.usual, status, reply.usual, id],
    ['the answer first', reply.usual, original.usual, status, id],
    ['ports before addresses', original.turned, reply.turned, status, id],
    ['with a zone in one direction', original.zoned, reply.usual, status, id],
  ] as const) {
    test(`${family}: a flow is read whatever the order of its attributes: ${order}`, (t) => {
      const writer = new NetlinkWriter()
      writer.uint32(0)
      for (const part of parts) part(writer)
      const bytes = Buffer.from(writer.bytes)
      const flow = new FlowView(family)
      t.true(flow.read(bytes, 0, bytes.length))
      t.is(flow.protocol, 17)
      t.is(flow.destination, flowKey(fullAddressBytes(service), 53))
      t.is(flow.replySource, flowKey(fullAddressBytes(server), 5353))
      t.deepEqual(Uint8Array.from(flow.destinationAddress), Uint8Array.from(fullAddressBytes(service)))
      t.deepEqual([flow.destinationPort, flow.replySourcePort], [53, 5353])
      t.is(flow.identity().length, 2, 'the original direction, and the number')
    })
  }
}
