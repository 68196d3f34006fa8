import {
  type Address,
  addressBytes,
  type Cidr,
  formatBytes,
  type IpFamily,
  type Protocol,
  splitCidr,
} from '@portolan/core'
import { findAttribute, messageFlag, type NetlinkWriter, nested, readAttributes } from '@portolan/native'
import type { Element } from '../layout/element.ts'
import {
  declarationOf,
  type ElementKind,
  kernelName,
  mostElements,
  type SetName,
  setTypes,
} from '../layout/layout.ts'

/** Numbers of linux/netfilter/ipset/ip_set.h and nfnetlink.h. */
export const netlinkNetfilter = 12
const subsystem = 6 << 8

export const ipsetCommand = {
  create: 2,
  destroy: 3,
  list: 7,
  add: 9,
  delete: 10,
  type: 13,
} as const

/** Understood by every kernel since 2.6.39. */
const protocolVersion = 6
const top = { protocol: 1, name: 2, type: 3, revision: 4, family: 5, flags: 6, data: 7, adt: 8 }
const data = {
  ip: 1,
  prefixLength: 3,
  port: 4,
  timeout: 6,
  protocol: 7,
  flags: 8,
  hashSize: 18,
  maxElements: 19,
  ip2: 20,
  prefixLength2: 21,
  elements: 24,
  mark: 27,
}
const ipAddress = { IPv4: 1, IPv6: 2 }
const networkOrder = 0x4000
/** Elements carry a mark (IPSET_FLAG_WITH_SKBINFO). */
const withMark = 1 << 6
const listHeaderOnly = 1 << 2
const protocolFamily: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 }
const protocolNumber: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 }

/** Starts a message about a set; returns what the writer's `endMessage` needs. */
function begin(writer: NetlinkWriter, family: IpFamily, command: number, flags: number): number {
  const start = writer.beginMessage(subsystem | command, messageFlag.request | flags)
  for (const byte of [protocolFamily[family], 0, 0, 0]) writer.uint8(byte)
  uint8(writer, top.protocol, protocolVersion)
  return start
}

export function writeElement(
  writer: NetlinkWriter,
  family: IpFamily,
  command: number,
  set: SetName,
  element: Element,
): void {
  const start = begin(writer, family, command, 0)
  writer.stringAttribute(top.name, kernelName(family, set))
  const inner = writer.beginAttribute(nested | top.data)
  writeElementData(writer, family, element)
  writer.endAttribute(inner)
  writer.endMessage(start)
}

function writeElementData(writer: NetlinkWriter, family: IpFamily, element: Element): void {
  if ('destination' in element) {
    const { address, protocol, port } = element.destination
    ip(writer, data.ip, family, address)
    const start = writer.beginAttribute(networkOrder | data.port)
    writer.uint16BE(port)
    writer.endAttribute(start)
    uint8(writer, data.protocol, protocolNumber[protocol])
    if (element.source !== undefined) cidr(writer, data.ip2, data.prefixLength2, family, element.source)
    if (element.mark !== undefined) {
      const mark = writer.beginAttribute(networkOrder | data.mark)
      writer.uint32BE(element.mark)
      writer.uint32BE(0xffffffff)
      writer.endAttribute(mark)
    }
  } else if ('address' in element) {
    ip(writer, data.ip, family, element.address)
  } else if ('cidr' in element) {
    cidr(writer, data.ip, data.prefixLength, family, element.cidr)
  } else {
    ip(writer, data.ip, family, element.loop)
    ip(writer, data.ip2, family, element.loop)
  }
}

/** @param revision of the set's type, from `readRevision` */
export function writeCreate(writer: NetlinkWriter, family: IpFamily, set: SetName, revision: number): void {
  const { kind } = declarationOf(set)
  const start = begin(writer, family, ipsetCommand.create, messageFlag.ack)
  writer.stringAttribute(top.name, kernelName(family, set))
  writer.stringAttribute(top.type, setTypes[kind])
  uint8(writer, top.revision, revision)
  uint8(writer, top.family, protocolFamily[family])
  const inner = writer.beginAttribute(nested | top.data)
  writer.uint32BEAttribute(networkOrder | data.maxElements, mostElements)
  if (kind === 'destination-mark') writer.uint32BEAttribute(networkOrder | data.flags, withMark)
  writer.endAttribute(inner)
  writer.endMessage(start)
}

export function writeDestroy(writer: NetlinkWriter, family: IpFamily, name: string): void {
  // Without the flag the kernel also says yes about a set that isn't there.
  const start = begin(writer, family, ipsetCommand.destroy, messageFlag.ack | messageFlag.exclusive)
  writer.stringAttribute(top.name, name)
  writer.endMessage(start)
}

/** Asks what revisions of a type the kernel has; makes it load the type's module. */
export function writeTypeRequest(writer: NetlinkWriter, family: IpFamily, kind: ElementKind): void {
  const start = begin(writer, family, ipsetCommand.type, 0)
  writer.stringAttribute(top.type, setTypes[kind])
  uint8(writer, top.family, protocolFamily[family])
  writer.endMessage(start)
}

/** The newest revision of the answer. */
export function readRevision(payload: Buffer): number {
  return findAttribute(payload.subarray(nfnetlinkHeaderBytes), top.revision)?.readUInt8(0) ?? 0
}

/** Asks for all elements, or with `header` for the set's facts alone. */
export function writeList(writer: NetlinkWriter, family: IpFamily, name: string, header = false): void {
  const start = begin(writer, family, ipsetCommand.list, messageFlag.dump)
  writer.stringAttribute(top.name, name)
  if (header) writer.uint32BEAttribute(networkOrder | top.flags, listHeaderOnly)
  writer.endMessage(start)
}

const nfnetlinkHeaderBytes = 4

/**
 * Whether a set that is listed takes our elements; one of another type, of another version or somebody's, doesn't.
 * `undefined`: the message isn't the listing's first, which alone tells.
 */
export function isDeclaredAs(payload: Buffer, family: IpFamily, kind: ElementKind): boolean | undefined {
  const attributes = payload.subarray(nfnetlinkHeaderBytes)
  const type = findAttribute(attributes, top.type)?.toString('latin1').replace(/\0.*$/s, '')
  if (type === undefined) return undefined
  const options = findAttribute(attributes, top.data) ?? Buffer.alloc(0)
  const flags = findAttribute(options, data.flags)?.readUInt32BE(0) ?? 0
  return (
    type === setTypes[kind] &&
    findAttribute(attributes, top.family)?.readUInt8(0) === protocolFamily[family] &&
    findAttribute(options, data.timeout) === undefined &&
    (findAttribute(options, data.maxElements)?.readUInt32BE(0) ?? 0) >= mostElements &&
    (kind !== 'destination-mark' || (flags & withMark) !== 0)
  )
}

/** Elements that a set has, by its header; `undefined`: another message. */
export function readElementCount(payload: Buffer): number | undefined {
  const inner = findAttribute(payload.subarray(nfnetlinkHeaderBytes), top.data)
  return inner === undefined ? undefined : findAttribute(inner, data.elements)?.readUInt32BE(0)
}

/** The elements in one message of a listing. */
export function* readElements(payload: Buffer, family: IpFamily, kind: ElementKind): Generator<Element> {
  const list = findAttribute(payload.subarray(nfnetlinkHeaderBytes), top.adt)
  if (list === undefined) return
  for (const { type, value } of readAttributes(list)) {
    if (type !== top.data) continue
    const element = readElement(value, family, kind)
    if (element !== undefined) yield element
  }
}

function readElement(bytes: Buffer, family: IpFamily, kind: ElementKind): Element | undefined {
  const address = readIp(bytes, data.ip, family)
  if (address === undefined) return undefined
  switch (kind) {
    case 'address':
      return { address }
    case 'cidr':
      return { cidr: readCidr(bytes, address, data.prefixLength, family) }
    case 'loop': {
      const second = readIp(bytes, data.ip2, family)
      // Something else than an address to itself is nothing of ours; named so that it is taken out.
      return second === address ? { loop: address } : { address }
    }
    default:
  }
  const number = findAttribute(bytes, data.protocol)?.readUInt8(0)
  const protocol = (['TCP', 'UDP', 'SCTP'] as const).find((one) => protocolNumber[one] === number)
  if (protocol === undefined) return undefined
  const destination = { address, protocol, port: findAttribute(bytes, data.port)?.readUInt16BE(0) ?? 0 }
  if (kind === 'destination') return { destination }
  if (kind === 'destination-mark')
    return { destination, mark: findAttribute(bytes, data.mark)?.readUInt32BE(0) ?? 0 }
  const source = readIp(bytes, data.ip2, family)
  if (source === undefined) return undefined
  return { destination, source: readCidr(bytes, source, data.prefixLength2, family) }
}

function readIp(bytes: Buffer, type: number, family: IpFamily): Address | undefined {
  const nestedIp = findAttribute(bytes, type)
  const value = nestedIp === undefined ? undefined : findAttribute(nestedIp, ipAddress[family])
  return value === undefined ? undefined : formatBytes(Uint8Array.from(value))
}

function readCidr(bytes: Buffer, address: Address, type: number, family: IpFamily): Cidr {
  const prefixLength = findAttribute(bytes, type)?.readUInt8(0) ?? (family === 'IPv4' ? 32 : 128)
  return `${address}/${prefixLength}` as Cidr
}

function ip(writer: NetlinkWriter, type: number, family: IpFamily, address: Address): void {
  const start = writer.beginAttribute(nested | type)
  const inner = writer.beginAttribute(networkOrder | ipAddress[family])
  writer.copy(addressBytes(address))
  writer.endAttribute(inner)
  writer.endAttribute(start)
}

function cidr(
  writer: NetlinkWriter,
  ipType: number,
  prefixType: number,
  family: IpFamily,
  value: Cidr,
): void {
  const { address, prefixLength } = splitCidr(value)
  ip(writer, ipType, family, address)
  uint8(writer, prefixType, prefixLength)
}

function uint8(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint8(value)
  writer.endAttribute(start)
}
