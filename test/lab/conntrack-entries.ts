import {
  findAttribute,
  messageFlag,
  NetlinkSocket,
  NetlinkWriter,
  nested,
  SystemCallError,
} from '@portolan/native'
import { addressFamily, type IpFamily } from '@portolan/native/netfilter'

/** One entry of a network namespace's connection tracking. */
export interface ConntrackEntry {
  readonly protocol: 'TCP' | 'UDP'
  /** `address port`, of the client. */
  readonly source: string
  readonly destination: string
  /** Who answers; default: the destination, which is then not translated. */
  readonly server?: string
  /** A full table makes no room by dropping it. */
  readonly assured?: true
  readonly mark?: number
}

const netfilter = 12
/** struct nfgenmsg. */
const headerBytes = 4
const [create, list, remove] = [0x100, 0x101, 0x102]
const protocols = { TCP: 6, UDP: 17 }
const confirmedAndAnswered = 8 | 2
const isAssured = 4
const attribute = { original: 1, reply: 2, status: 3, protocolInfo: 4, timeout: 7, mark: 8, markMask: 21 }

/** Adds and lists what connection tracking holds, past all rules: addresses are written in full, ports behind a space. */
export class ConntrackEntries {
  readonly #socket: NetlinkSocket
  readonly #family: IpFamily
  readonly #writer = new NetlinkWriter()

  constructor(family: IpFamily, networkNamespace: string) {
    this.#family = family
    this.#socket = new NetlinkSocket({ protocol: netfilter, networkNamespace, sendBufferBytes: 1024 * 1024 })
  }

  /** @throws SystemCallError for the first that the kernel refuses */
  add(entries: Iterable<ConntrackEntry>): void {
    for (const entry of entries) {
      this.#write(entry)
      if (this.#writer.sequence === 500) this.#send()
    }
    this.#send()
  }

  /** Removes all that have this mark. */
  removeMarked(mark: number): void {
    const start = this.#writer.beginMessage(remove, messageFlag.request | messageFlag.ack)
    this.#header(this.#writer)
    this.#writer.uint32BEAttribute(attribute.mark, mark)
    this.#writer.uint32BEAttribute(attribute.markMask, 0xffffffff)
    this.#writer.endMessage(start)
    this.#send()
  }

  /** Removes all of its family. */
  removeAll(): void {
    const start = this.#writer.beginMessage(remove, messageFlag.request | messageFlag.ack)
    this.#header(this.#writer)
    this.#writer.endMessage(start)
    this.#send()
  }

  /** `UDP client > destination = server`, sorted. */
  list(): string[] {
    const request = new NetlinkWriter()
    const start = request.beginMessage(list, messageFlag.request | messageFlag.dump)
    this.#header(request)
    request.endMessage(start)
    const refused = ({ errno }: { errno: number }) => new SystemCallError('list flows', errno)
    const lines: string[] = []
    for (const { payload } of this.#socket.dump(request.bytes, refused)) {
      const attributes = payload.subarray(headerBytes)
      const original = readTuple(part(attributes, attribute.original))
      const reply = readTuple(part(attributes, attribute.reply))
      lines.push(`${original.protocol} ${original.source} > ${original.destination} = ${reply.source}`)
    }
    return lines.sort()
  }

  close(): void {
    this.#socket.close()
  }

  #write(entry: ConntrackEntry): void {
    const { protocol, source, destination, server = destination, mark, assured } = entry
    const writer = this.#writer
    const start = writer.beginMessage(
      create,
      messageFlag.request | messageFlag.create | messageFlag.exclusive | messageFlag.ack,
    )
    this.#header(writer)
    this.#tuple(attribute.original, protocol, source, destination)
    this.#tuple(attribute.reply, protocol, server, source)
    writer.uint32BEAttribute(attribute.status, confirmedAndAnswered | (assured ? isAssured : 0))
    if (mark !== undefined) writer.uint32BEAttribute(attribute.mark, mark)
    writer.uint32BEAttribute(attribute.timeout, 600)
    if (protocol === 'TCP') {
      const info = writer.beginAttribute(nested | attribute.protocolInfo)
      const tcp = writer.beginAttribute(nested | 1)
      writer.uint8Attribute(1, 3)
      writer.endAttribute(tcp)
      writer.endAttribute(info)
    }
    writer.endMessage(start)
  }

  #header(writer: NetlinkWriter): void {
    writer.uint8(addressFamily[this.#family])
    writer.uint8(0)
    writer.uint16BE(0)
  }

  #tuple(type: number, protocol: ConntrackEntry['protocol'], source: string, destination: string): void {
    const writer = this.#writer
    const ends = [source, destination].map((end) => end.split(' '))
    const first = this.#family === 'IPv4' ? 1 : 3
    const whole = writer.beginAttribute(nested | type)
    const addresses = writer.beginAttribute(nested | 1)
    for (const [index, [address = '']] of ends.entries()) {
      const start = writer.beginAttribute(first + index)
      writer.copy(fullAddressBytes(address))
      writer.endAttribute(start)
    }
    writer.endAttribute(addresses)
    const parts = writer.beginAttribute(nested | 2)
    writer.uint8Attribute(1, protocols[protocol])
    for (const [index, [, port]] of ends.entries()) {
      const start = writer.beginAttribute(2 + index)
      writer.uint16BE(Number(port))
      writer.endAttribute(start)
    }
    writer.endAttribute(parts)
    writer.endAttribute(whole)
  }

  #send(): void {
    if (this.#writer.sequence === 0) return
    const [refused] = this.#socket.transact(this.#writer.bytes, this.#writer.sequence)
    this.#writer.reset()
    if (refused !== undefined) throw new SystemCallError('add a flow', refused.errno)
  }
}

/** Of an address in full: `10.96.0.10`, or eight groups of IPv6 without `::`. */
export function fullAddressBytes(address: string): Uint8Array {
  if (!address.includes(':')) return Uint8Array.from(address.split('.'), Number)
  return Uint8Array.from(
    address.split(':').flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 255]
    }),
  )
}

function readTuple(bytes: Buffer): Record<'protocol' | 'source' | 'destination', string> {
  const [addresses, parts] = [part(bytes, 1), part(bytes, 2)]
  const first = findAttribute(addresses, 1) === undefined ? 3 : 1
  const number = part(parts, 1)[0]
  const end = (index: number) =>
    `${fullAddress(part(addresses, first + index))} ${part(parts, 2 + index).readUInt16BE(0)}`
  return {
    protocol: Object.entries(protocols).find(([, one]) => one === number)?.[0] ?? `protocol ${number}`,
    source: end(0),
    destination: end(1),
  }
}

function part(bytes: Buffer, type: number): Buffer {
  const value = findAttribute(bytes, type)
  if (value === undefined) throw new Error(`an entry of conntrack has no attribute ${type}`)
  return value
}

/** The inverse: of bytes in network order. */
export function fullAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from(
    { length: 8 },
    (_, index) => (bytes[index * 2] ?? 0) * 256 + (bytes[index * 2 + 1] ?? 0),
  )
  return groups.map((group) => group.toString(16)).join(':')
}
