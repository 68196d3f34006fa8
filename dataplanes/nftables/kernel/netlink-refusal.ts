import { ApplyError } from '@portolan/core'
import { describeErrno, type NetlinkAck, readAttributes } from '@portolan/native'
import { elementText } from '../layout/element-text.ts'
import type { SentList } from './netlink-batch.ts'
import { isIntervalEnd } from './netlink-element-reader.ts'

/** Says which element the kernel refused, and why. */
export function refusal(error: NetlinkAck, sent: readonly SentList[], batch: Buffer): ApplyError {
  const message = sent.find(({ sequence }) => sequence === error.sequence)
  if (message === undefined) return new ApplyError(`nftables refused the transaction: ${inWords(error)}`)
  const element = message.elements.at(message.first + elementIndex(error, message, batch))
  const what = element === undefined ? '' : ` { ${elementText(message.set, element)} }`
  const operation = `${message.verb} element ${message.set.name}${what}`
  return new ApplyError(`nftables refused "${operation}": ${inWords(error)}`, { operation })
}

/** The kernel tells the refused attribute by its offset in the message. */
function elementIndex(error: NetlinkAck, message: SentList, batch: Buffer): number {
  if (error.attributeOffset === undefined) return 0
  const target = message.start + error.attributeOffset
  const length = batch.readUInt16LE(message.listStart)
  let offset = message.listStart + 4
  let index = -1
  for (const { value } of readAttributes(batch.subarray(offset, message.listStart + length))) {
    const next = offset + ((value.length + 4 + 3) & ~3)
    // A range is two elements to the kernel.
    if (!isIntervalEnd(value)) index++
    if (target < next) return index
    offset = next
  }
  return 0
}

const meanings: Readonly<Record<string, string>> = {
  EEXIST: 'an element with this key and another value is there already',
  ENOENT: 'there is no such table, set or element',
  EPERM: 'CAP_NET_ADMIN is needed',
}

/** What the kernel said, by its own words where it has any. */
export function inWords(ack: NetlinkAck): string {
  const { code, words } = describeErrno(ack.errno)
  return `${ack.message ?? meanings[code] ?? words} (${code})`
}
