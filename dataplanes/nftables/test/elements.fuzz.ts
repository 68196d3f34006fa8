import assert from 'node:assert/strict'
import type { IpFamily } from '@portolan/core'
import { NetlinkProtocolError, NetlinkWriter, nested } from '@portolan/native'
import fc from 'fast-check'
import { damagedBytes } from '../../../test/fuzz/damaged.ts'
import { ForeignElementError } from '../kernel/foreign-element-error.ts'
import { isIntervalEnd, readElements } from '../kernel/netlink-element-reader.ts'
import { shapeFlaw } from '../kernel/set-shape.ts'
import { baseSets } from '../layout/sets.ts'

function declared<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    const isKnown = error instanceof ForeignElementError || error instanceof NetlinkProtocolError
    assert.ok(isKnown, String(error))
    return undefined
  }
}

/** A list of one element, whose key and value have so many bytes. */
function list(keyBytes: number, valueBytes: number): Buffer {
  const writer = new NetlinkWriter()
  const data = (type: number, length: number) => {
    const outer = writer.beginAttribute(nested | type)
    const inner = writer.beginAttribute(1)
    writer.copy(new Uint8Array(length).fill(1))
    writer.endAttribute(inner)
    writer.endAttribute(outer)
  }
  const element = writer.beginAttribute(nested | 1)
  data(1, keyBytes)
  if (valueBytes > 0) data(2, valueBytes)
  writer.uint32BEAttribute(3, 1)
  writer.endAttribute(element)
  return Buffer.from(writer.bytes)
}

/** What makes a set, as NFT_MSG_NEWSET has it. */
function shape(): Buffer {
  const writer = new NetlinkWriter()
  for (const [type, value] of [
    [3, 8],
    [5, 12],
    [6, 0],
    [7, 4],
  ] as const)
    writer.uint32BEAttribute(type, value)
  const description = writer.beginAttribute(nested | 9)
  writer.uint32BEAttribute(1, 65_535)
  writer.endAttribute(description)
  return Buffer.from(writer.bytes)
}

const set = fc.constantFrom(...baseSets)
const family = fc.constantFrom<IpFamily[]>('IPv4', 'IPv6')
const lists = [list(12, 4), list(4, 0), list(8, 4), list(24, 12), list(16, 0)]

/** Whatever is in a set of ours is read as texts of bounded length, or is foreign. */
export const elements = fc.property(damagedBytes(...lists), set, family, (bytes, declaration, of) => {
  for (const { key, value } of declared(() => [...readElements(bytes, declaration, of)]) ?? [])
    assert.ok(key.length < 300 && value.length <= bytes.length + 300)
  declared(() => isIntervalEnd(bytes))
})

export const shapes = fc.property(damagedBytes(shape()), set, family, (bytes, declaration, of) => {
  declared(() => shapeFlaw(bytes, declaration, of))
})
