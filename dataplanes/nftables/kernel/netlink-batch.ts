import type { IpFamily } from '@portolan/core'
import { messageFlag, type NetlinkWriter, nested } from '@portolan/native'
import { nfnetlinkSubsystem, writeNfnetlinkHeader } from '@portolan/native/netfilter'
import type { NftProgram } from '../compile/program.ts'
import type { ElementChanges, ElementList } from '../layout/elements.ts'
import type { SetDeclaration } from '../layout/sets.ts'
import { writeElement } from './netlink-element-writer.ts'
import { beginElements, listAttribute, message } from './nf-tables-messages.ts'

/** A list's length is a 16-bit number of bytes; one element is well below the rest. */
const listBytes = 60_000

/** One message of a batch, to tell by which element the kernel took offence. */
export interface SentList {
  readonly sequence: number
  /** Offset of the message in the batch, and of its list of elements. */
  readonly start: number
  readonly listStart: number
  readonly verb: 'add' | 'delete'
  readonly set: SetDeclaration
  readonly elements: ElementList
  /** Index of the message's first element. */
  readonly first: number
}

/**
 * Writes a program's elements as one transaction, all removals before all additions; nothing where there are none. The
 * last of the lists asks for an acknowledgement.
 *
 * @returns what was written, message by message
 */
export function writeBatch(writer: NetlinkWriter, { family, elements }: NftProgram): readonly SentList[] {
  writer.reset()
  writeMark(writer, message.batchBegin)
  const sent: SentList[] = []
  if (elements.count > manyElements) writer.expect(sizeOf(elements, family))
  for (const { set, removals } of elements) writeLists(writer, 'delete', family, set, removals, sent)
  for (const { set, additions } of elements) writeLists(writer, 'add', family, set, additions, sent)
  const last = sent.at(-1)
  if (last === undefined) return sent
  writer.addMessageFlags(last.start, messageFlag.ack)
  writeMark(writer, message.batchEnd)
  return sent
}

/** About so many bytes: ranges take more, and few addresses that are removed have a value. */
function sizeOf(elements: ElementChanges, family: IpFamily): number {
  const address = family === 'IPv4' ? 4 : 16
  let bytes = 0
  for (const { set, removals, additions } of elements) {
    let ofOne = 5 * attributeBytes
    for (const field of [...set.key, ...(set.value ?? [])]) ofOne += field === 'address' ? address : 4
    bytes += ofOne * (removals.length + additions.length)
  }
  // And what stands before each list.
  return Math.ceil(bytes * 1.01)
}

/** For fewer the writer has room anyway. */
const manyElements = 1000

/** A header; an element has five. */
const attributeBytes = 4

function writeMark(writer: NetlinkWriter, type: number): void {
  const start = writer.beginMessage(type, messageFlag.request)
  writeNfnetlinkHeader(writer, 0, nfnetlinkSubsystem.nfTables >> 8)
  writer.endMessage(start)
}

function writeLists(
  writer: NetlinkWriter,
  verb: SentList['verb'],
  family: IpFamily,
  set: SetDeclaration,
  elements: ElementList,
  sent: SentList[],
): void {
  let index = 0
  while (index < elements.length) {
    const start = beginElements(
      writer,
      verb === 'add' ? message.newSetElement : message.deleteSetElement,
      verb === 'add' ? messageFlag.create | messageFlag.exclusive : 0,
      family,
      set.name,
    )
    const listStart = writer.beginAttribute(nested | listAttribute.elements)
    const first = index
    while (index < elements.length && writer.length - listStart < listBytes)
      writeElement(writer, set, elements, index++, { withValue: verb === 'add' })
    writer.endAttribute(listStart)
    writer.endMessage(start)
    sent.push({ sequence: writer.sequence, start, listStart, verb, set, elements, first })
  }
}
