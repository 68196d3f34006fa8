import { messageFlag } from '../netlink/netlink-reader.ts'
import { type NetlinkWriter, nested } from '../netlink/netlink-writer.ts'
import { addressFamily, type IpFamily } from './family.ts'
import { nfnetlinkHeaderBytes, nfnetlinkSubsystem, writeNfnetlinkHeader } from './nfnetlink.ts'

/** IPCTNL_MSG_CT_* of linux/netfilter/nfnetlink_conntrack.h, with the attributes that are needed here. */
const message = { get: nfnetlinkSubsystem.conntrack | 1, delete: nfnetlinkSubsystem.conntrack | 2 }
const attribute = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 }
const tuple = { address: 1, protocol: 2 }
const protocolPart = { number: 1, sourcePort: 2, destinationPort: 3 }
const addressPart = { IPv4: { source: 1, destination: 2 }, IPv6: { source: 3, destination: 4 } }
const filterPart = { original: 1, reply: 2 }
/** CTA_FILTER_F_*: which parts of a tuple count. */
const filterFlag = { source: 1, destination: 2, protocol: 8, sourcePort: 16, destinationPort: 32 }

const udp = 17
const typeMask = 0x3fff

/** An address as bytes in network order, and a port. */
export interface FlowEnd {
  readonly address: Uint8Array
  readonly port: number
}

/** Flows with this end: where the client sends to, or where answers come from before they are translated back. */
export interface FlowFilter extends FlowEnd {
  readonly end: 'destination' | 'replySource'
}

/**
 * A request for all flows of UDP of a family, or for those that have one end; with IPv6 for those that have its port,
 * because the kernel (6.18 still) takes an address of IPv6 in a filter for one to leave out. Kernels before 5.8 pass over
 * the filter, and give all flows.
 */
export function writeUdpFlowDump(writer: NetlinkWriter, family: IpFamily, only?: FlowFilter): void {
  const start = writer.beginMessage(message.get, messageFlag.request | messageFlag.dump)
  writeNfnetlinkHeader(writer, addressFamily[family])
  const parts = { original: filterFlag.protocol, reply: 0 }
  const address = family === 'IPv4' ? 1 : 0
  if (only?.end === 'destination') {
    writeTuple(writer, attribute.original, family, 'destination', only)
    parts.original |= (filterFlag.destination * address) | filterFlag.destinationPort
  } else writeTuple(writer, attribute.original, family)
  if (only?.end === 'replySource') {
    writeTuple(writer, attribute.reply, family, 'source', only)
    parts.reply = filterFlag.protocol | (filterFlag.source * address) | filterFlag.sourcePort
  }
  const filter = writer.beginAttribute(nested | attribute.filter)
  writeUint32(writer, filterPart.original, parts.original)
  if (parts.reply !== 0) writeUint32(writer, filterPart.reply, parts.reply)
  writer.endAttribute(filter)
  writer.endMessage(start)
}

/** A request to forget the flow that was read, and no other that has taken its place since. */
export function writeFlowDelete(
  writer: NetlinkWriter,
  family: IpFamily,
  flow: FlowView,
  flags: number,
): void {
  const start = writer.beginMessage(message.delete, messageFlag.request | flags)
  writeNfnetlinkHeader(writer, addressFamily[family])
  for (const one of flow.identity()) {
    writer.copy(one)
    writer.align()
  }
  writer.endMessage(start)
}

/**
 * Reads one flow after the other out of datagrams, without making an object for each: a node may have a million. What it
 * gives is valid until the next `read`.
 */
export class FlowView {
  protocol = 0
  destinationPort = 0
  replySourcePort = 0
  #datagram: Buffer = Buffer.alloc(0)
  readonly #addressBytes: number
  readonly #part: { readonly source: number; readonly destination: number }
  #destination = 0
  #replySource = 0
  #original = 0
  #id = 0
  #zone = 0

  constructor(family: IpFamily) {
    this.#addressBytes = family === 'IPv4' ? 4 : 16
    this.#part = addressPart[family]
  }

  /** @returns whether it is a flow of the family with both its directions */
  read(datagram: Buffer, start: number, end: number): boolean {
    this.#datagram = datagram
    this.protocol = this.#destination = this.#replySource = this.#original = this.#id = this.#zone = 0
    this.destinationPort = this.replySourcePort = 0
    for (let at = start + nfnetlinkHeaderBytes; at + 4 <= end; ) {
      const length = datagram.readUInt16LE(at)
      if (length < 4 || at + length > end) return false
      const type = datagram.readUInt16LE(at + 2) & typeMask
      if (type === attribute.original) {
        this.#original = at
        this.#readTuple(at, at + length, false)
      } else if (type === attribute.reply) this.#readTuple(at, at + length, true)
      else if (type === attribute.id) this.#id = at
      else if (type === attribute.zone) this.#zone = at
      at += (length + 3) & ~3
    }
    return this.#destination !== 0 && this.#replySource !== 0
  }

  /** The address that the client sends to: its bytes, one a character. */
  get destinationAddress(): string {
    return this.#datagram.toString('latin1', this.#destination, this.#destination + this.#addressBytes)
  }

  /** The address that answers come from, before they are translated back: its bytes, one a character. */
  get replySourceAddress(): string {
    return this.#datagram.toString('latin1', this.#replySource, this.#replySource + this.#addressBytes)
  }

  /** The attributes, headers included, that tell this flow from any other, now and later. */
  identity(): Buffer[] {
    return [this.#original, this.#zone, this.#id]
      .filter((at) => at !== 0)
      .map((at) => this.#datagram.subarray(at, at + this.#datagram.readUInt16LE(at)))
  }

  #readTuple(start: number, end: number, isReply: boolean): void {
    const datagram = this.#datagram
    for (let at = start + 4; at + 4 <= end; ) {
      const length = datagram.readUInt16LE(at)
      if (length < 4 || at + length > end) return
      const type = datagram.readUInt16LE(at + 2) & typeMask
      if (type === tuple.address) this.#readAddresses(at, at + length, isReply)
      else if (type === tuple.protocol) this.#readPorts(at, at + length, isReply)
      at += (length + 3) & ~3
    }
  }

  #readAddresses(start: number, end: number, isReply: boolean): void {
    const datagram = this.#datagram
    const wanted = isReply ? this.#part.source : this.#part.destination
    for (let at = start + 4; at + 4 + this.#addressBytes <= end; ) {
      const length = datagram.readUInt16LE(at)
      if (length !== 4 + this.#addressBytes) return
      if ((datagram.readUInt16LE(at + 2) & typeMask) === wanted) {
        if (isReply) this.#replySource = at + 4
        else this.#destination = at + 4
      }
      at += length
    }
  }

  #readPorts(start: number, end: number, isReply: boolean): void {
    const datagram = this.#datagram
    for (let at = start + 4; at + 4 < end; ) {
      const length = datagram.readUInt16LE(at)
      if (length < 5 || at + length > end) return
      const type = datagram.readUInt16LE(at + 2) & typeMask
      const isPort = length >= 6
      if (type === protocolPart.number) this.protocol = datagram[at + 4] ?? 0
      else if (isReply && isPort && type === protocolPart.sourcePort)
        this.replySourcePort = datagram.readUInt16BE(at + 4)
      else if (!isReply && isPort && type === protocolPart.destinationPort)
        this.destinationPort = datagram.readUInt16BE(at + 4)
      at += (length + 3) & ~3
    }
  }
}

/** A tuple of UDP, with one end of it or none. */
function writeTuple(
  writer: NetlinkWriter,
  type: number,
  family: IpFamily,
  end?: 'source' | 'destination',
  at?: FlowEnd,
): void {
  const whole = writer.beginAttribute(nested | type)
  if (end !== undefined && at !== undefined) {
    const addresses = writer.beginAttribute(nested | tuple.address)
    const start = writer.beginAttribute(addressPart[family][end])
    writer.copy(at.address)
    writer.endAttribute(start)
    writer.endAttribute(addresses)
  }
  const protocol = writer.beginAttribute(nested | tuple.protocol)
  writer.uint8Attribute(protocolPart.number, udp)
  if (end !== undefined && at !== undefined) {
    const start = writer.beginAttribute(protocolPart[`${end}Port`])
    writer.uint16BE(at.port)
    writer.endAttribute(start)
  }
  writer.endAttribute(protocol)
  writer.endAttribute(whole)
}

/** In host byte order, as CTA_FILTER has it. */
function writeUint32(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint32(value)
  writer.endAttribute(start)
}
