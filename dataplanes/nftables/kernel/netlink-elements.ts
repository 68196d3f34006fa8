import {
  type Address,
  addressBytes,
  type Cidr,
  formatBytes,
  type IpFamily,
  type Protocol,
  splitCidr,
} from '@portolan/core'
import { findAttribute, type NetlinkWriter, nested, readAttributes } from '@portolan/native'
import type { Datum, Element } from '../layout/elements.ts'
import type { Field, SetDeclaration } from '../layout/layout.ts'
import { ForeignElementError } from './foreign-element-error.ts'

/** Attribute numbers of linux/netfilter/nf_tables.h, and values that go with them. */
const element = { key: 1, data: 2, flags: 3, keyEnd: 10 }
const data = { value: 1, verdict: 2 }
const verdict = { code: 1, chain: 2, goto: -4 }
const intervalEnd = 1
const listElement = 1

const protocolNumbers: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 }

/** Writes one element of a set as nested attributes; an interval of addresses alone is two. */
export function writeElement(
  writer: NetlinkWriter,
  set: SetDeclaration,
  item: Element,
  options: { readonly withValue: boolean },
): void {
  const start = writer.beginAttribute(nested | listElement)
  writeKey(writer, element.key, set, item.key, 'first')
  const range = set.key.at(-1) === 'range' ? String(item.key.at(-1)) : undefined
  if (range !== undefined && set.key.length > 1) writeKey(writer, element.keyEnd, set, item.key, 'last')
  if (options.withValue && set.value !== undefined && item.value !== undefined)
    writeValue(writer, set.value, item.value)
  writer.endAttribute(start)
  if (range !== undefined && set.key.length === 1) writeIntervalEnd(writer, range)
}

function writeKey(
  writer: NetlinkWriter,
  attribute: number,
  set: SetDeclaration,
  key: readonly Datum[],
  edge: 'first' | 'last',
): void {
  const outer = writer.beginAttribute(nested | attribute)
  const inner = writer.beginAttribute(data.value)
  for (let index = 0; index < key.length; index++) writeDatum(writer, set.key[index], key[index] ?? 0, edge)
  writer.endAttribute(inner)
  writer.endAttribute(outer)
}

function writeValue(writer: NetlinkWriter, kinds: readonly Field[], value: readonly Datum[]): void {
  const outer = writer.beginAttribute(nested | element.data)
  if (kinds[0] === 'chain') {
    const inner = writer.beginAttribute(nested | data.verdict)
    writer.uint32BEAttribute(verdict.code, verdict.goto >>> 0)
    writer.stringAttribute(verdict.chain, String(value[0]))
    writer.endAttribute(inner)
  } else {
    const inner = writer.beginAttribute(data.value)
    for (let index = 0; index < value.length; index++)
      writeDatum(writer, kinds[index], value[index] ?? 0, 'first')
    writer.endAttribute(inner)
  }
  writer.endAttribute(outer)
}

/** Each field takes a multiple of 4 bytes. Numbers that the kernel itself makes are in host byte order. */
function writeDatum(
  writer: NetlinkWriter,
  kind: Field | undefined,
  datum: Datum,
  edge: 'first' | 'last',
): void {
  switch (kind) {
    case 'address':
      writeAddress(writer, datum as Address)
      return
    case 'range':
      for (const byte of rangeEdge(String(datum), edge)) writer.uint8(byte)
      return
    case 'protocol':
      // One of somebody else's, which is to be removed, is known by its number.
      writer.uint8(protocolNumbers[datum as Protocol] ?? Number(datum))
      writer.align()
      return
    case 'port':
      writer.uint16BE(Number(datum))
      writer.align()
      return
    default:
      writer.uint32(Number(datum))
  }
}

/** IPv4 by hand: this runs once for every endpoint of the cluster. */
function writeAddress(writer: NetlinkWriter, address: Address): void {
  if (address.includes(':')) {
    for (const byte of addressBytes(address)) writer.uint8(byte)
    return
  }
  let value = 0
  let octet = 0
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === 46) {
      value = value * 256 + octet
      octet = 0
    } else {
      octet = octet * 10 + code - 48
    }
  }
  writer.uint32BE(value * 256 + octet)
}

/** @param range a CIDR, or two addresses as {@link rangeOf} writes them */
function rangeEdge(range: string, edge: 'first' | 'last'): Uint8Array {
  const dash = range.indexOf('-')
  if (dash >= 0)
    return addressBytes((edge === 'first' ? range.slice(0, dash) : range.slice(dash + 1)) as Address)
  const { address, prefixLength } = splitCidr(range as Cidr)
  const bytes = addressBytes(address)
  if (edge === 'first') return bytes
  return bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - index * 8))))
}

/** A plain interval set marks the first address after the interval; one up to the last address has no mark. */
function writeIntervalEnd(writer: NetlinkWriter, range: string): void {
  const after = rangeEdge(range, 'last')
  let index = after.length - 1
  while (index >= 0 && after[index] === 255) after[index--] = 0
  if (index < 0) return
  after[index] = (after[index] ?? 0) + 1
  const start = writer.beginAttribute(nested | listElement)
  const outer = writer.beginAttribute(nested | element.key)
  const inner = writer.beginAttribute(data.value)
  for (const byte of after) writer.uint8(byte)
  writer.endAttribute(inner)
  writer.endAttribute(outer)
  writer.uint32BEAttribute(element.flags, intervalEnd)
  writer.endAttribute(start)
}

/** Whether the attributes of an element say that it is the end of a range, and no element of its own. */
export function isIntervalEnd(attributes: Buffer): boolean {
  const flags = findAttribute(attributes, element.flags)
  return flags !== undefined && (flags.readUInt32BE(0) & intervalEnd) !== 0
}

/** One element read back, as texts (see elements.ts). */
export interface ReadElement {
  readonly key: string
  /** Empty in a set. */
  readonly value: string
  /** The end of a plain interval, not an element. */
  readonly intervalEnd: boolean
}

/**
 * Reads the elements in one message's list.
 * @throws ForeignElementError for one that has no text
 */
export function* readElements(list: Buffer, set: SetDeclaration, family: IpFamily): Generator<ReadElement> {
  for (const { value: bytes } of readAttributes(list)) {
    let key: string | undefined
    let last: string | undefined
    let value = ''
    let flags = 0
    for (const attribute of readAttributes(bytes)) {
      if (attribute.type === element.key) key = readData(unwrap(attribute.value), set.key, set, family)
      else if (attribute.type === element.keyEnd)
        last = readData(unwrap(attribute.value), set.key, set, family)
      else if (attribute.type === element.data) value = readValue(attribute.value, set, family)
      else if (attribute.type === element.flags) flags = attribute.value.readUInt32BE(0)
    }
    // One that stands for every key (NFT_SET_ELEM_CATCHALL) has none.
    if (key === undefined) throw new ForeignElementError(set.name, 'an element for every key')
    if (last !== undefined) key = withRange(key, last, set)
    yield { key, value, intervalEnd: (flags & intervalEnd) !== 0 }
  }
}

/** The first attribute inside: data come in a nest of one. */
function unwrap(nest: Buffer): Buffer {
  return nest.subarray(4, nest.readUInt16LE(0))
}

/** Only the last field of a key is a range with us. */
function withRange(first: string, last: string, set: SetDeclaration): string {
  if (first === last && set.key.at(-1) !== 'range') return first
  const [cut, lastCut] = [first.lastIndexOf('|'), last.lastIndexOf('|')]
  if (set.key.at(-1) !== 'range' || first.slice(0, cut) !== last.slice(0, lastCut))
    throw new ForeignElementError(set.name, `the range from ${first} to ${last}`)
  const range = rangeOf(first.slice(cut + 1) as Address, last.slice(lastCut + 1) as Address)
  return `${first.slice(0, cut + 1)}${range}`
}

function readValue(nest: Buffer, set: SetDeclaration, family: IpFamily): string {
  const fields = set.value ?? []
  if (fields[0] !== 'chain') return readData(unwrap(nest), fields, set, family)
  const chain = findAttribute(unwrap(nest), verdict.chain)
  return chain === undefined ? '' : chain.toString('latin1', 0, chain.length - 1)
}

function readData(bytes: Buffer, fields: readonly Field[], set: SetDeclaration, family: IpFamily): string {
  const addressLength = family === 'IPv4' ? 4 : 16
  let length = 0
  for (const field of fields) length += field === 'address' || field === 'range' ? addressLength : 4
  if (bytes.length !== length)
    throw new ForeignElementError(set.name, `${bytes.length} bytes where ${length} are meant`)
  let text = ''
  let offset = 0
  for (const field of fields) {
    if (offset > 0) text += '|'
    switch (field) {
      case 'address':
      case 'range':
        text += formatBytes(bytes.subarray(offset, offset + addressLength))
        offset += addressLength
        break
      case 'protocol':
        text += protocolOfNumber(bytes[offset])
        offset += 4
        break
      case 'port':
        text += bytes.readUInt16BE(offset)
        offset += 4
        break
      default:
        text += bytes.readUInt32LE(offset)
        offset += 4
    }
  }
  return text
}

function protocolOfNumber(number: number | undefined): string {
  if (number === protocolNumbers.TCP) return 'TCP'
  const found = Object.entries(protocolNumbers).find(([, value]) => value === number)
  return found?.[0] ?? String(number)
}

/** The CIDR of a first and a last address; the two addresses where they are none. */
export function rangeOf(first: Address, last: Address): string {
  const [low, high] = [addressBytes(first), addressBytes(last)]
  let prefixLength = 0
  while (prefixLength < low.length * 8) {
    const byte = prefixLength >> 3
    const bit = 0x80 >> (prefixLength & 7)
    if (((low[byte] ?? 0) & bit) !== ((high[byte] ?? 0) & bit)) break
    prefixLength++
  }
  const cidr = `${first}/${prefixLength}` as Cidr
  const exact = rangeEdge(cidr, 'last').every((value, index) => value === high[index])
  return exact ? cidr : `${first}-${last}`
}
