import type { IpFamily } from '@portolan/core'
import { messageFlag, type NetlinkWriter } from '@portolan/native'
import { addressFamily, nfnetlinkSubsystem, writeNfnetlinkHeader } from '@portolan/native/netfilter'
import { tableName } from '../layout/table.ts'

/** Numbers of linux/netfilter/nf_tables.h. */
const subsystem = nfnetlinkSubsystem.nfTables
export const message = {
  batchBegin: 0x10,
  batchEnd: 0x11,
  getTable: subsystem | 1,
  getChain: subsystem | 4,
  getRule: subsystem | 7,
  getSet: subsystem | 10,
  newSetElement: subsystem | 12,
  getSetElement: subsystem | 13,
  deleteSetElement: subsystem | 14,
}
export const listAttribute = { table: 1, set: 2, elements: 3 }
export const objectAttribute = { table: 1, tableFlags: 2, setName: 2, ruleChain: 2, chainName: 3 }

/** Begins a message about elements of one of our sets; returns what `endMessage` needs. */
export function beginElements(
  writer: NetlinkWriter,
  type: number,
  flags: number,
  family: IpFamily,
  set: string,
): number {
  const start = writer.beginMessage(type, messageFlag.request | flags)
  writeNfnetlinkHeader(writer, addressFamily[family])
  writer.stringAttribute(listAttribute.table, tableName)
  writer.stringAttribute(listAttribute.set, set)
  return start
}
