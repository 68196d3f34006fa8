import type { IpFamily } from '@portolan/core'
import { messageFlag, type NetlinkWriter, nested } from '@portolan/native'
import { nfnetlinkSubsystem, writeNfnetlinkHeader } from '@portolan/native/netfilter'
import type { NftProgram } from '../compile/program.ts'
import type { Element } from '../layout/elements.ts'
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
  readonly elements: readonly Element[]
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
  for (const { set, removals } of elements) writeLists(writer, 'delete', family, set, removals, sent)
  for (const { set, additions } of elements) writeLists(writer, 'add', family, set, additions, sent)
  const last = sent.at(-1)
  if (last === undefined) return sent
  writer.addMessageFlags(last.start, messageFlag.ack)
  writeMark(writer, message.batchEnd)
  return sent
}

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
  elements: readonly Element[],
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
    while (index < elements.length && writer.length - listStart < listBytes) {
      const element = elements[index++]
      if (element !== undefined) writeElement(writer, set, element, { withValue: verb === 'add' })
    }
    writer.endAttribute(listStart)
    writer.endMessage(start)
    sent.push({ sequence: writer.sequence, start, listStart, verb, set, elements, first })
  }
}
