import type { Address, Cidr, IpFamily } from '@portolan/core'
import {
  beginGenericCommand,
  findAttribute,
  NetlinkWriter,
  readAttributes,
  readMessages,
} from '@portolan/native'
import { ipsetCommand } from '@portolan/native/netfilter'
import test from 'ava'
import { readElements, writeCreate, writeElement } from '../kernel/ipset-messages.ts'
import {
  commandOf,
  readDestination,
  readService,
  type ServerStep,
  writeStep,
} from '../kernel/ipvs-messages.ts'
import type { Element } from '../layout/element.ts'
import type { ElementKind } from '../layout/sets.ts'

const terms = { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 }
const place = { address: '10.96.0.10' as Address, protocol: 'TCP', port: 80 } as const
const place6 = { address: 'fd00:96::10' as Address, protocol: 'SCTP', port: 7 } as const
const endpoint = { address: '10.1.0.2' as Address, port: 8080, local: false }

/** The attributes of one command, as hexadecimal: `type: value`, nested ones in braces. */
function written(family: IpFamily, step: ServerStep): string[] {
  const writer = new NetlinkWriter()
  const start = beginGenericCommand(writer, { id: 1, version: 1 }, commandOf(step), 0)
  writeStep(writer, family, step)
  writer.endMessage(start)
  const [message] = readMessages(writer.bytes)
  const lines = [`command ${message?.payload.readUInt8(0)}`]
  for (const { type, value } of readAttributes(message!.payload.subarray(4)))
    for (const inner of readAttributes(value))
      lines.push(`${type}.${inner.type}: ${inner.value.toString('hex')}`)
  return lines
}

test('a virtual server is written as linux/ip_vs.h has it', (t) => {
  t.deepEqual(
    written('IPv4', { do: 'add-server', place, terms: { ...terms, flags: 0x21, timeoutSeconds: 10800 } }),
    [
      'command 1',
      '1.1: 0200',
      '1.2: 0600',
      '1.3: 0a60000a000000000000000000000000',
      '1.4: 0050',
      '1.6: 727200',
      '1.7: 21000000ffffffff',
      '1.8: 302a0000',
      '1.9: ffffffff',
    ],
  )
})

test('a destination is written with the virtual server that it belongs to', (t) => {
  t.deepEqual(
    written('IPv4', { do: 'weigh-destination', place: { fwmark: 0x5a000001 }, endpoint, weight: 0 }),
    [
      'command 6',
      '1.1: 0200',
      '1.5: 0100005a',
      '2.1: 0a010002000000000000000000000000',
      '2.2: 1f90',
      '2.3: 00000000',
      '2.4: 00000000',
      '2.5: 00000000',
      '2.6: 00000000',
    ],
  )
})

test('what is deleted is only named', (t) => {
  t.deepEqual(written('IPv6', { do: 'delete-server', place: place6, terms }), [
    'command 3',
    '1.1: 0a00',
    '1.2: 8400',
    '1.3: fd000096000000000000000000000010',
    '1.4: 0007',
  ])
})

test('virtual servers and destinations are read as they were written', (t) => {
  for (const [family, at] of [
    ['IPv4', place],
    ['IPv6', place6],
    ['IPv6', { fwmark: 0x5a000007 }],
  ] as const) {
    const writer = new NetlinkWriter()
    const start = beginGenericCommand(writer, { id: 1, version: 1 }, 1, 0)
    writeStep(writer, family, { do: 'add-server', place: at, terms })
    writer.endMessage(start)
    const [message] = readMessages(writer.bytes)
    t.deepEqual(readService(message!.payload, family), { place: at, terms })
    t.is(readService(message!.payload, family === 'IPv4' ? 'IPv6' : 'IPv4'), undefined)
  }
  const writer = new NetlinkWriter()
  const start = beginGenericCommand(writer, { id: 1, version: 1 }, 5, 0)
  writeStep(writer, 'IPv4', { do: 'add-destination', place, endpoint })
  writer.endMessage(start)
  const [message] = readMessages(writer.bytes)
  t.deepEqual(readDestination(message!.payload, 'IPv4'), { endpoint, weight: 1, active: 0, inactive: 0 })
})

const elements: readonly (readonly [IpFamily, ElementKind, Element])[] = [
  ['IPv4', 'destination', { destination: place }],
  ['IPv6', 'destination', { destination: place6 }],
  ['IPv4', 'destination-mark', { destination: place, mark: 0x5a000001 }],
  ['IPv4', 'destination-source', { destination: place, source: '192.168.0.0/16' as Cidr }],
  ['IPv6', 'destination-source', { destination: place6, source: '2001:db8:1::/48' as Cidr }],
  ['IPv4', 'address', { address: '10.96.0.10' as Address }],
  ['IPv6', 'cidr', { cidr: 'fd00:96::/112' as Cidr }],
  ['IPv4', 'loop', { loop: '10.1.0.2' as Address }],
]

test('elements of sets are read as they were written', (t) => {
  for (const [family, kind, element] of elements) {
    const writer = new NetlinkWriter()
    writeElement(writer, family, ipsetCommand.add, 'SERVED', element)
    const [message] = readMessages(writer.bytes)
    const data = findAttribute(message!.payload.subarray(4), 7)!
    // A listing has the same data, one level deeper.
    const listing = new NetlinkWriter()
    listing.uint32(0)
    const list = listing.beginAttribute(8)
    const inner = listing.beginAttribute(7)
    listing.copy(data)
    listing.endAttribute(inner)
    listing.endAttribute(list)
    t.deepEqual([...readElements(Buffer.from(listing.bytes), family, kind)], [element])
  }
})

test('a set whose elements carry marks says so', (t) => {
  const flags = (set: 'SERVED' | 'MARK-POD') => {
    const writer = new NetlinkWriter()
    writeCreate(writer, 'IPv4', set, 5)
    const [message] = readMessages(writer.bytes)
    const data = findAttribute(message!.payload.subarray(4), 7)!
    return findAttribute(data, 8)?.readUInt32BE(0)
  }
  t.is(flags('MARK-POD'), 64)
  t.is(flags('SERVED'), undefined)
})
