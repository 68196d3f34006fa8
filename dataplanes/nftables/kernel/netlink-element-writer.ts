import { type Address, addressBytes, ipv4Number, type Protocol, protocolNumber } from '@portolan/core'
import { type NetlinkWriter, nested } from '@portolan/native'
import type { Datum, ElementList } from '../layout/elements.ts'
import type { Field, SetDeclaration } from '../layout/sets.ts'
import { rangeEdge } from './address-range.ts'
import {
  dataAttribute,
  elementAttribute,
  intervalEnd,
  listElement,
  verdictAttribute,
} from './netlink-element-attributes.ts'

/** Writes one element of a set as nested attributes; an interval of addresses alone is two. */
export function writeElement(
  writer: NetlinkWriter,
  set: SetDeclaration,
  elements: ElementList,
  index: number,
  options: { readonly withValue: boolean },
): void {
  const { key, value } = set
  const start = writer.beginAttribute(nested | listElement)
  writeKey(writer, elementAttribute.key, key, elements, index, 'first')
  const range = key.at(-1) === 'range' ? String(elements.field(index, key.length - 1)) : undefined
  if (range !== undefined && key.length > 1)
    writeKey(writer, elementAttribute.keyEnd, key, elements, index, 'last')
  if (options.withValue && value !== undefined && elements.field(index, key.length) !== undefined)
    writeValue(writer, value, elements, index, key.length)
  writer.endAttribute(start)
  if (range !== undefined && key.length === 1) writeIntervalEnd(writer, range)
}

function writeKey(
  writer: NetlinkWriter,
  attribute: number,
  kinds: readonly Field[],
  elements: ElementList,
  index: number,
  edge: 'first' | 'last',
): void {
  const outer = writer.beginAttribute(nested | attribute)
  const inner = writer.beginAttribute(dataAttribute.value)
  for (let field = 0; field < kinds.length; field++)
    writeDatum(writer, kinds[field], elements.field(index, field) ?? 0, edge)
  writer.endAttribute(inner)
  writer.endAttribute(outer)
}

/** @param first the place of the value's first field */
function writeValue(
  writer: NetlinkWriter,
  kinds: readonly Field[],
  elements: ElementList,
  index: number,
  first: number,
): void {
  const outer = writer.beginAttribute(nested | elementAttribute.data)
  if (kinds[0] === 'chain') {
    const inner = writer.beginAttribute(nested | dataAttribute.verdict)
    writer.uint32BEAttribute(verdictAttribute.code, verdictAttribute.goto >>> 0)
    writer.stringAttribute(verdictAttribute.chain, String(elements.field(index, first)))
    writer.endAttribute(inner)
  } else {
    const inner = writer.beginAttribute(dataAttribute.value)
    for (let field = 0; field < kinds.length; field++)
      writeDatum(writer, kinds[field], elements.field(index, first + field) ?? 0, 'first')
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
      // A foreign one, which is to be removed, is known by its number.
      writer.uint8(protocolNumber[datum as Protocol] ?? Number(datum))
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

function writeAddress(writer: NetlinkWriter, address: Address): void {
  const value = ipv4Number(address)
  if (value === undefined) writer.copy(addressBytes(address))
  else writer.uint32BE(value)
}

/** A plain interval set marks the first address after the interval; one up to the last address has no mark. */
function writeIntervalEnd(writer: NetlinkWriter, range: string): void {
  const after = rangeEdge(range, 'last')
  let index = after.length - 1
  while (index >= 0 && after[index] === 255) after[index--] = 0
  if (index < 0) return
  after[index] = (after[index] ?? 0) + 1
  const start = writer.beginAttribute(nested | listElement)
  const outer = writer.beginAttribute(nested | elementAttribute.key)
  const inner = writer.beginAttribute(dataAttribute.value)
  for (const byte of after) writer.uint8(byte)
  writer.endAttribute(inner)
  writer.endAttribute(outer)
  writer.uint32BEAttribute(elementAttribute.flags, intervalEnd)
  writer.endAttribute(start)
}
