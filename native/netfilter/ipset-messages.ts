import { NetlinkProtocolError } from '../netlink/netlink-protocol-error.ts'
import { findAttribute, findNumber, messageFlag, readAttributes } from '../netlink/netlink-reader.ts'
import { type NetlinkWriter, nested } from '../netlink/netlink-writer.ts'
import { addressFamily, type IpFamily } from './family.ts'
import { nfnetlinkHeaderBytes, nfnetlinkSubsystem, writeNfnetlinkHeader } from './nfnetlink.ts'

/** Messages about ipsets, of linux/netfilter/ipset/ip_set.h: written, and read. */

const subsystem = nfnetlinkSubsystem.ipset

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
/** Bytes. */
const addressLength = { IPv4: 4, IPv6: 16 }
const networkOrder = 0x4000
/** Elements carry a mark (IPSET_FLAG_WITH_SKBINFO). */
const withMark = 1 << 6
const listHeaderOnly = 1 << 2

/** A type of set, as `ipset create` names it, and what the set is made with besides. */
export interface IpsetType {
  /** `hash:ip,port` and the like. */
  readonly name: string
  readonly maxElements: number
  /** Whether elements carry a mark (skbinfo). */
  readonly marks: boolean
}

/** Addresses are bytes in network order. */
interface Range {
  readonly address: Uint8Array
  /** Absent: one address. */
  readonly prefixLength?: number
}

/** One element: what the set's type has of it. */
export interface IpsetElement extends Range {
  /** IPPROTO_*. */
  readonly protocol?: number
  readonly port?: number
  /** The second address of types such as `hash:net,net` and `hash:ip,port,net`. */
  readonly second?: Range
  /** All 32 bits. */
  readonly mark?: number
}

/** Starts a message about a set; returns what the writer's `endMessage` needs. */
function begin(writer: NetlinkWriter, family: IpFamily, command: number, flags: number): number {
  const start = writer.beginMessage(subsystem | command, messageFlag.request | flags)
  writeNfnetlinkHeader(writer, addressFamily[family])
  writer.uint8Attribute(top.protocol, protocolVersion)
  return start
}

/** Adds or deletes an element, by `ipsetCommand.add` or `.delete`. */
export function writeIpsetElement(
  writer: NetlinkWriter,
  family: IpFamily,
  command: number,
  set: string,
  element: IpsetElement,
): void {
  const start = begin(writer, family, command, 0)
  writer.stringAttribute(top.name, set)
  const inner = writer.beginAttribute(nested | top.data)
  range(writer, data.ip, data.prefixLength, family, element)
  if (element.port !== undefined) {
    const port = writer.beginAttribute(networkOrder | data.port)
    writer.uint16BE(element.port)
    writer.endAttribute(port)
  }
  if (element.protocol !== undefined) writer.uint8Attribute(data.protocol, element.protocol)
  if (element.second !== undefined) range(writer, data.ip2, data.prefixLength2, family, element.second)
  if (element.mark !== undefined) {
    const mark = writer.beginAttribute(networkOrder | data.mark)
    writer.uint32BE(element.mark)
    writer.uint32BE(0xffffffff)
    writer.endAttribute(mark)
  }
  writer.endAttribute(inner)
  writer.endMessage(start)
}

/** @param revision of the set's type, from `readIpsetRevision` */
export function writeIpsetCreate(
  writer: NetlinkWriter,
  family: IpFamily,
  set: string,
  type: IpsetType,
  revision: number,
): void {
  const start = begin(writer, family, ipsetCommand.create, messageFlag.ack)
  writer.stringAttribute(top.name, set)
  writer.stringAttribute(top.type, type.name)
  writer.uint8Attribute(top.revision, revision)
  writer.uint8Attribute(top.family, addressFamily[family])
  const inner = writer.beginAttribute(nested | top.data)
  writer.uint32BEAttribute(networkOrder | data.maxElements, type.maxElements)
  if (type.marks) writer.uint32BEAttribute(networkOrder | data.flags, withMark)
  writer.endAttribute(inner)
  writer.endMessage(start)
}

export function writeIpsetDestroy(writer: NetlinkWriter, family: IpFamily, set: string): void {
  // Without the flag the kernel also says yes about a set that isn't there.
  const start = begin(writer, family, ipsetCommand.destroy, messageFlag.ack | messageFlag.exclusive)
  writer.stringAttribute(top.name, set)
  writer.endMessage(start)
}

/** Asks what revisions of a type the kernel has; makes it load the type's module. */
export function writeIpsetTypeRequest(writer: NetlinkWriter, family: IpFamily, type: string): void {
  const start = begin(writer, family, ipsetCommand.type, 0)
  writer.stringAttribute(top.type, type)
  writer.uint8Attribute(top.family, addressFamily[family])
  writer.endMessage(start)
}

/** The newest revision of the answer; `undefined`: it has none. */
export function readIpsetRevision(payload: Buffer): number | undefined {
  return findNumber(payload.subarray(nfnetlinkHeaderBytes), top.revision, 'uint8')
}

/** Asks for all elements, or with `header` for the set's facts alone. */
export function writeIpsetList(writer: NetlinkWriter, family: IpFamily, set: string, header = false): void {
  const start = begin(writer, family, ipsetCommand.list, messageFlag.dump)
  writer.stringAttribute(top.name, set)
  if (header) writer.uint32BEAttribute(networkOrder | top.flags, listHeaderOnly)
  writer.endMessage(start)
}

/**
 * Whether a set that is listed takes the same elements as one of a type would, and as many. `undefined`: the message isn't
 * the listing's first, which alone tells.
 */
export function isIpsetOfType(payload: Buffer, family: IpFamily, type: IpsetType): boolean | undefined {
  const attributes = payload.subarray(nfnetlinkHeaderBytes)
  const name = findAttribute(attributes, top.type)?.toString('latin1').replace(/\0.*$/s, '')
  if (name === undefined) return undefined
  const options = findAttribute(attributes, top.data) ?? Buffer.alloc(0)
  const flags = findNumber(options, data.flags, 'uint32BE') ?? 0
  return (
    name === type.name &&
    findNumber(attributes, top.family, 'uint8') === addressFamily[family] &&
    findAttribute(options, data.timeout) === undefined &&
    (findNumber(options, data.maxElements, 'uint32BE') ?? 0) >= type.maxElements &&
    (!type.marks || (flags & withMark) !== 0)
  )
}

/** Elements that a set has, by its header; `undefined`: another message. */
export function readIpsetCount(payload: Buffer): number | undefined {
  const inner = findAttribute(payload.subarray(nfnetlinkHeaderBytes), top.data)
  return inner === undefined ? undefined : findNumber(inner, data.elements, 'uint32BE')
}

/**
 * The elements in one message of a listing, with addresses that stay when the payload is reused.
 *
 * @throws NetlinkProtocolError for one that is no element
 */
export function* readIpsetElements(payload: Buffer, family: IpFamily): Generator<IpsetElement> {
  const list = findAttribute(payload.subarray(nfnetlinkHeaderBytes), top.adt)
  if (list === undefined) return
  for (const { type, value } of readAttributes(list)) {
    if (type !== top.data) continue
    const first = readRange(value, data.ip, data.prefixLength, family)
    if (first === undefined) continue
    const protocol = findNumber(value, data.protocol, 'uint8')
    const port = findNumber(value, data.port, 'uint16BE')
    const second = readRange(value, data.ip2, data.prefixLength2, family)
    const mark = findNumber(value, data.mark, 'uint32BE')
    yield {
      ...first,
      ...(protocol === undefined ? {} : { protocol }),
      ...(port === undefined ? {} : { port }),
      ...(second === undefined ? {} : { second }),
      ...(mark === undefined ? {} : { mark }),
    }
  }
}

function readRange(bytes: Buffer, ipType: number, prefixType: number, family: IpFamily): Range | undefined {
  const nestedIp = findAttribute(bytes, ipType)
  const value = nestedIp === undefined ? undefined : findAttribute(nestedIp, ipAddress[family])
  if (value === undefined) return undefined
  if (value.length !== addressLength[family])
    throw new NetlinkProtocolError('NETLINK_MALFORMED', `an ${family} address has ${value.length} bytes`)
  const prefixLength = findNumber(bytes, prefixType, 'uint8')
  const address = Uint8Array.from(value)
  return prefixLength === undefined ? { address } : { address, prefixLength }
}

function range(
  writer: NetlinkWriter,
  ipType: number,
  prefixType: number,
  family: IpFamily,
  { address, prefixLength }: Range,
): void {
  const start = writer.beginAttribute(nested | ipType)
  const inner = writer.beginAttribute(networkOrder | ipAddress[family])
  writer.copy(address)
  writer.endAttribute(inner)
  writer.endAttribute(start)
  if (prefixLength !== undefined) writer.uint8Attribute(prefixType, prefixLength)
}
