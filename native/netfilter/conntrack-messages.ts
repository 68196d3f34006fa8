import { messageFlag } from '../netlink/netlink-reader.ts'
import { type NetlinkWriter, nested } from '../netlink/netlink-writer.ts'
import { addressFamily, type IpFamily } from './family.ts'
import { nfnetlinkHeaderBytes, nfnetlinkSubsystem, writeNfnetlinkHeader } from './nfnetlink.ts'

/** IPCTNL_MSG_CT_* of linux/netfilter/nfnetlink_conntrack.h, with the attributes that are needed here. */
const message = { get: nfnetlinkSubsystem.conntrack | 1, delete: nfnetlinkSubsystem.conntrack | 2 }
const attribute = {
  original: 1,
  reply: 2,
  status: 3,
  protocolInfo: 4,
  id: 12,
  zone: 18,
  filter: 25,
  statusMask: 26,
}
/** IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h */
const destinationTranslated = 1 << 5
/** CTA_PROTOINFO_*, each with its state first. */
const protocolInfo = { tcp: 1, state: 1 }
/** TIME_WAIT and CLOSE of enum tcp_conntrack; CLOSED of enum sctp_conntrack; 0: none. */
const closedStates: Readonly<Record<'tcp' | 'sctp', readonly number[]>> = { tcp: [0, 7, 8], sctp: [0, 1] }
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

/**
 * A request for all flows of a family whose destination the kernel's NAT translates, or for all others. Kernels before 5.14
 * pass over the filter, and give all flows: see `isOpenConnection`.
 */
export function writeFlowDump(writer: NetlinkWriter, family: IpFamily, isTranslated: boolean): void {
  const start = writer.beginMessage(message.get, messageFlag.request | messageFlag.dump)
  writeNfnetlinkHeader(writer, addressFamily[family])
  writer.uint32BEAttribute(attribute.status, isTranslated ? destinationTranslated : 0)
  writer.uint32BEAttribute(attribute.statusMask, destinationTranslated)
  writer.endMessage(start)
}

/**
 * Whether the flow that a message is about is a connection, of TCP or SCTP, that hasn't been closed, and whose destination
 * the kernel's NAT translates or doesn't, as asked.
 */
export function isOpenConnection(
  datagram: Buffer,
  start: number,
  end: number,
  wantsTranslated: boolean,
): boolean {
  let isTranslated = false
  let isOpen = false
  forEachAttribute(datagram, start + nfnetlinkHeaderBytes, end, (type, from, to) => {
    if (type === attribute.status && to - from >= 4)
      isTranslated = (datagram.readUInt32BE(from) & destinationTranslated) !== 0
    else if (type === attribute.protocolInfo) isOpen = isOpenByState(datagram, from, to)
  })
  return isTranslated === wantsTranslated && isOpen
}

/** UDP has nothing to tell of itself. */
function isOpenByState(datagram: Buffer, start: number, end: number): boolean {
  let isOpen = false
  forEachAttribute(datagram, start, end, (protocol, from, to) => {
    const over = protocol === protocolInfo.tcp ? closedStates.tcp : closedStates.sctp
    forEachAttribute(datagram, from, to, (type, at) => {
      if (type === protocolInfo.state) isOpen = !over.includes(datagram[at] ?? 0)
    })
  })
  return isOpen
}

/** @param visit is told where the attribute's value begins and ends */
function forEachAttribute(
  datagram: Buffer,
  start: number,
  end: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  for (let at = start; at + 4 <= end; ) {
    const length = datagram.readUInt16LE(at)
    if (length < 4 || at + length > end) return
    visit(datagram.readUInt16LE(at + 2) & typeMask, at + 4, at + length)
    at += (length + 3) & ~3
  }
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

/** One end of a flow as the key of a map: an address and a port. */
export type FlowKey = number | string

/** The key of an address in network order, and a port. */
export function flowKey(address: Uint8Array, port: number): FlowKey {
  const bytes = Buffer.from(address.buffer, address.byteOffset, address.length)
  return address.length === 4 ? bytes.readUInt32BE(0) * 0x10000 + port : textKey(bytes, 0, port)
}

/** 16 bytes and a port, each as a character. */
function textKey(bytes: Buffer, at: number, port: number): string {
  return bytes.toString('latin1', at, at + 16) + String.fromCharCode(port)
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
  readonly #usual: UsualTuples
  #destination = 0
  #replySource = 0
  #attributes = 0
  #end = 0

  constructor(family: IpFamily) {
    this.#addressBytes = family === 'IPv4' ? 4 : 16
    this.#part = addressPart[family]
    this.#usual = new UsualTuples(family)
  }

  /** @returns whether it is a flow of the family with both its directions */
  read(datagram: Buffer, start: number, end: number): boolean {
    this.#datagram = datagram
    this.#end = end
    const first = start + nfnetlinkHeaderBytes
    this.#attributes = first
    const { original, reply } = this.#usual
    if (this.#usual.areAt(datagram, first, end)) {
      this.protocol = datagram[first + original.protocol] ?? 0
      this.#destination = first + original.destination
      this.destinationPort = datagram.readUInt16BE(first + original.destinationPort)
      this.#replySource = first + reply.source
      this.replySourcePort = datagram.readUInt16BE(first + reply.sourcePort)
      return true
    }
    this.protocol = this.#destination = this.#replySource = 0
    this.destinationPort = this.replySourcePort = 0
    for (let at = first; at + 4 <= end; ) {
      const length = datagram.readUInt16LE(at)
      if (length < 4 || at + length > end) return false
      const type = datagram.readUInt16LE(at + 2) & typeMask
      if (type === attribute.original) this.#readTuple(at, at + length, false)
      else if (type === attribute.reply) this.#readTuple(at, at + length, true)
      at += (length + 3) & ~3
    }
    return this.#destination !== 0 && this.#replySource !== 0
  }

  /** The address that the client sends to, in network order. */
  get destinationAddress(): Buffer {
    return this.#datagram.subarray(this.#destination, this.#destination + this.#addressBytes)
  }

  /** Where the client sends to. */
  get destination(): FlowKey {
    return this.#key(this.#destination, this.destinationPort)
  }

  /** Where answers come from, before they are translated back. */
  get replySource(): FlowKey {
    return this.#key(this.#replySource, this.replySourcePort)
  }

  /** The attributes, headers included, that tell this flow from any other, now and later. */
  identity(): Buffer[] {
    const datagram = this.#datagram
    const found: Buffer[] = []
    for (let at = this.#attributes; at + 4 <= this.#end; ) {
      const length = datagram.readUInt16LE(at)
      if (length < 4 || at + length > this.#end) break
      const type = datagram.readUInt16LE(at + 2) & typeMask
      if (type === attribute.original || type === attribute.zone || type === attribute.id)
        found.push(datagram.subarray(at, at + length))
      at += (length + 3) & ~3
    }
    return found
  }

  #key(at: number, port: number): FlowKey {
    if (this.#addressBytes === 4) return this.#datagram.readUInt32BE(at) * 0x10000 + port
    return textKey(this.#datagram, at, port)
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

/**
 * A flow's two tuples as kernels write them: first of all, in this order, and with nothing between. To compare their
 * headers costs a tenth of walking through attributes; what looks otherwise is walked through.
 */
class UsualTuples {
  readonly original: Readonly<Record<'protocol' | 'destination' | 'destinationPort', number>>
  readonly reply: Readonly<Record<'source' | 'sourcePort', number>>
  readonly #bytes: number
  /** Where headers are, and what they are. */
  readonly #places: Uint16Array
  readonly #headers: Uint32Array

  constructor(family: IpFamily) {
    const address = family === 'IPv4' ? 4 : 16
    const part = addressPart[family]
    const length = 44 + 2 * address
    const headers: (readonly [place: number, length: number, type: number])[] = []
    for (const [at, type] of [
      [0, attribute.original],
      [length, attribute.reply],
    ] as const) {
      const ports = at + 16 + 2 * address
      headers.push(
        [at, length, nested | type],
        [at + 4, 12 + 2 * address, nested | tuple.address],
        [at + 8, 4 + address, part.source],
        [at + 12 + address, 4 + address, part.destination],
        [ports, 28, nested | tuple.protocol],
        [ports + 4, 5, protocolPart.number],
        [ports + 12, 6, protocolPart.sourcePort],
        [ports + 20, 6, protocolPart.destinationPort],
      )
    }
    this.#bytes = 2 * length
    this.#places = Uint16Array.from(headers, ([place]) => place)
    this.#headers = Uint32Array.from(headers, ([, bytes, type]) => (type << 16) | bytes)
    const ports = 16 + 2 * address
    this.original = {
      destination: 16 + address,
      protocol: ports + 8,
      destinationPort: ports + 24,
    }
    this.reply = { source: length + 12, sourcePort: length + ports + 16 }
  }

  areAt(datagram: Buffer, at: number, end: number): boolean {
    if (at + this.#bytes > end) return false
    const [places, headers] = [this.#places, this.#headers]
    for (let index = 0; index < places.length; index++)
      if (datagram.readUInt32LE(at + (places[index] ?? 0)) !== headers[index]) return false
    return true
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
