import type { IpFamily } from '@portolan/core'
import { findAttribute, findNumber } from '@portolan/native'
import type { Field, SetDeclaration } from '../layout/sets.ts'

/** Attributes of NFT_MSG_NEWSET and set flags of linux/netfilter/nf_tables.h. */
const attribute = { flags: 3, keyBytes: 5, valueType: 6, valueBytes: 7, description: 9 }
const describedSize = 1
const flag = { constant: 0x2, interval: 0x4, map: 0x8, timeout: 0x10, eval: 0x20, object: 0x40 }
const verdictType = 0xffffff00

/**
 * How a set that the kernel holds differs from its declaration, so that our elements would be refused or misread;
 * `undefined`: not at all.
 *
 * @param observed attributes of NFT_MSG_NEWSET
 */
export function shapeFlaw(observed: Buffer, set: SetDeclaration, family: IpFamily): string | undefined {
  const number = (type: number) => findNumber(observed, type, 'uint32BE') ?? 0
  const flags = number(attribute.flags)
  const has = (bit: number) => (flags & bit) !== 0
  if (has(flag.constant)) return 'is constant'
  if (has(flag.map) !== (set.value !== undefined) || has(flag.object))
    return set.value === undefined ? 'is a map' : 'is no map of values'
  if (has(flag.interval) !== (set.kind === 'interval')) return `has intervals: ${has(flag.interval)}`
  if (has(flag.timeout) !== (set.kind === 'timeout')) return `has timeouts: ${has(flag.timeout)}`
  if (set.kind === 'timeout' && !has(flag.eval)) return "can't be written by rules"
  const description = findAttribute(observed, attribute.description)
  if (set.kind !== 'timeout' && description && findAttribute(description, describedSize) !== undefined)
    return 'is limited in size'
  const keyBytes = bytesOf(set.key, set, family)
  if (number(attribute.keyBytes) !== keyBytes)
    return `has keys of ${number(attribute.keyBytes)} bytes instead of ${keyBytes}`
  if (set.value === undefined) return undefined
  const isVerdict = number(attribute.valueType) === verdictType
  if (isVerdict !== (set.value[0] === 'chain')) return `leads to chains: ${isVerdict}`
  const valueBytes = bytesOf(set.value, set, family)
  if (!isVerdict && number(attribute.valueBytes) !== valueBytes)
    return `has values of ${number(attribute.valueBytes)} bytes instead of ${valueBytes}`
  return undefined
}

/** Each field takes a multiple of 4 bytes; see expressions.ts for clients of IPv6. */
function bytesOf(fields: readonly Field[], { kind }: SetDeclaration, family: IpFamily): number {
  const addressBytes = family === 'IPv4' ? 4 : kind === 'timeout' ? 12 : 16
  return fields.reduce((sum, field) => sum + (field === 'address' || field === 'range' ? addressBytes : 4), 0)
}
