import assert from 'node:assert/strict'
import { type Address, addressBytes, formatBytes, type IpFamily, parseAddress } from '@portolan/core'
import { NetlinkProtocolError, NetlinkWriter } from '@portolan/native'
import fc from 'fast-check'
import { damagedBytes, damagedText } from '../../../test/fuzz/damaged.ts'
import { isDeclaredAs, readElement } from '../kernel/ipset-output.ts'
import { readDestination, readService, writeStep } from '../kernel/ipvs-messages.ts'
import { readListed, readSaved } from '../kernel/ipvsadm-output.ts'
import type { ServerPlace } from '../layout/virtual-server.ts'

const family = fc.constantFrom<IpFamily[]>('IPv4', 'IPv6')

function declared<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    assert.ok(error instanceof NetlinkProtocolError, String(error))
    return undefined
  }
}

/** Whether it goes back to the kernel as it came. An IPv4-mapped one stays of IPv6 there, as nobody would write it. */
function isAddress(address: Address): void {
  assert.equal(formatBytes(addressBytes(address)), address)
}

function isPlace(place: ServerPlace): void {
  if ('address' in place) isAddress(place.address)
}

const saved = `-A -t 10.96.0.10:80 -s rr -b flag-3 -p 10800
-a -t 10.96.0.10:80 -r 10.1.0.2:8080 -m -w 1
-A -f 4711 -s mh -b mh-fallback -6
-A --sctp-service [fd00:96::10]:7 -s rr
-a --sctp-service [fd00:96::10]:7 -r [fd00:1::2]:7 -m -w 0
`

/** What ipvsadm prints; virtual servers of other tools may have any terms. */
export const savedServers = fc.property(damagedText(saved), family, (text, of) => {
  for (const { place, endpoints } of readSaved(text, of)) {
    isPlace(place)
    for (const { address } of endpoints) assert.equal(parseAddress(address), address)
  }
})

const listed = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:80 rr
  -> 10.1.0.2:8080                Masq    1      0          3
FWM  4711 IPv6 rr
  -> [fd00:1::2]:7                Masq    1      0          0
`

export const listedServers = fc.property(damagedText(listed), family, (text, of) => {
  for (const destinations of readListed(text, of).values())
    for (const { endpoint } of destinations) assert.equal(parseAddress(endpoint.address), endpoint.address)
})

export const elements = fc.property(
  damagedText('10.96.0.10,tcp:80', '203.0.113.10,tcp:80,10.0.0.0/8', '10.1.0.2,10.1.0.2', 'fd00::/64'),
  fc.constantFrom('address', 'cidr', 'loop', 'destination', 'destination-mark', 'source' as never),
  (text, kind) => {
    readElement(text, kind, text)
    isDeclaredAs(text.split(' '), 'IPv4', kind)
  },
)

const place = { address: '10.96.0.10', protocol: 'TCP', port: 80 } as const
const terms = { scheduler: 'rr', flags: 0x21, timeoutSeconds: 10_800 }
const endpoint = { address: '10.1.0.2', port: 8080, local: false }

function payload(step: object): Buffer {
  const writer = new NetlinkWriter()
  writer.uint32(0)
  writeStep(writer, 'IPv4', step as Parameters<typeof writeStep>[2])
  return Buffer.from(writer.bytes)
}

const messages = [
  payload({ do: 'add-server', place, terms }),
  payload({ do: 'add-server', place: { fwmark: 7 }, terms }),
  payload({ do: 'add-destination', place, endpoint }),
]

export const netlink = fc.property(damagedBytes(...messages), family, (bytes, of) => {
  const server = declared(() => readService(bytes, of))
  if (server !== undefined) isPlace(server.place)
  const destination = declared(() => readDestination(bytes, of))
  if (destination !== undefined) isAddress(destination.endpoint.address)
})
