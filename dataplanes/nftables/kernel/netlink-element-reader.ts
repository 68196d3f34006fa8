import { type Address, formatBytes, type IpFamily, protocolOfNumber } from '@portolan/core'
import { findAttribute, findNumber, readAttributes, readNumber } from '@portolan/native'
import type { Field, SetDeclaration } from '../layout/sets.ts'
import { rangeOf } from './address-range.ts'
import { ForeignElementError } from './foreign-element-error.ts'
import { elementAttribute, intervalEnd, verdictAttribute } from './netlink-element-attributes.ts'

/** Whether the attributes of an element say that it is the end of a range, and no element of its own. */
export function isIntervalEnd(attributes: Buffer): boolean {
  const flags = findNumber(attributes, elementAttribute.flags, 'uint32BE') ?? 0
  return (flags & intervalEnd) !== 0
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
 * @throws ForeignElementError for one that has no text; NetlinkProtocolError for what is no element
 */
export function* readElements(list: Buffer, set: SetDeclaration, family: IpFamily): Generator<ReadElement> {
  for (const { value: bytes } of readAttributes(list)) {
    let key: string | undefined
    let last: string | undefined
    let value = ''
    let flags = 0
    for (const attribute of readAttributes(bytes)) {
      if (attribute.type === elementAttribute.key)
        key = readData(unwrap(attribute.value), set.key, set, family)
      else if (attribute.type === elementAttribute.keyEnd)
        last = readData(unwrap(attribute.value), set.key, set, family)
      else if (attribute.type === elementAttribute.data) value = readValue(attribute.value, set, family)
      else if (attribute.type === elementAttribute.flags)
        flags = readNumber(attribute.value, attribute.type, 'uint32BE')
    }
    // One that stands for every key (NFT_SET_ELEM_CATCHALL) has none.
    if (key === undefined) throw new ForeignElementError(set.name, 'an element for every key')
    if (last !== undefined) key = withRange(key, last, set)
    yield { key, value, intervalEnd: (flags & intervalEnd) !== 0 }
  }
}

/** The first attribute inside: data come in a nest of one. */
function unwrap(nest: Buffer): Buffer {
  for (const { value } of readAttributes(nest)) return value
  return nest.subarray(0, 0)
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
  const chain = findAttribute(unwrap(nest), verdictAttribute.chain)
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
        text += protocolOfNumber(bytes[offset]) ?? String(bytes[offset])
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
