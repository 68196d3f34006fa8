import type { Address, IpFamily } from '@portolan/core'
import {
  findAttribute,
  findNumber,
  messageFlag,
  type NetlinkAck,
  NetlinkSocket,
  NetlinkWriter,
  readWhole,
  SystemCallError,
} from '@portolan/native'
import {
  addressFamily,
  NetfilterInfo,
  netlinkNetfilter,
  nfnetlinkHeaderBytes,
  writeNfnetlinkHeader,
} from '@portolan/native/netfilter'
import { print } from '../compile/print.ts'
import type { NftProgram } from '../compile/program.ts'
import { flaggedTable, noTable, type ObservedElements, type Structure } from '../layout/observed-state.ts'
import { findSet, type SetDeclaration } from '../layout/sets.ts'
import { nftFamily, tableName } from '../layout/table.ts'
import { type Edge, pairEdges } from './interval-edges.ts'
import { writeBatch } from './netlink-batch.ts'
import { readElements } from './netlink-element-reader.ts'
import { inWords, refusal } from './netlink-refusal.ts'
import { beginElements, listAttribute, message, objectAttribute } from './nf-tables-messages.ts'
import type { NftCommand } from './nft-command.ts'
import { runScript } from './nft-script.ts'
import { shapeFlaw } from './set-shape.ts'
import type { Sent, Transport } from './transport.ts'

/** The kernel wants the whole transaction in one send: 30,000 Services of 10 endpoints are 25 MB. */
const sendBufferBytes = 512 * 1024 * 1024

/**
 * Elements as raw netlink on one long-lived socket: an endpoint changes in microseconds, where starting nft costs
 * milliseconds, and the close of a short-lived socket after a deletion another 11. Chains and sets are declared through
 * nft, before the elements that lead to them.
 */
export class NetlinkTransport implements Transport {
  readonly name = 'netlink'
  readonly #socket: NetlinkSocket
  readonly #info: NetfilterInfo
  readonly #writer = new NetlinkWriter()
  readonly #nft: NftCommand

  /** @throws SystemCallError when the socket can't be had */
  constructor(nft: NftCommand, networkNamespace: string | undefined) {
    this.#nft = nft
    this.#socket = new NetlinkSocket({
      protocol: netlinkNetfilter,
      sendBufferBytes,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    })
    this.#info = new NetfilterInfo(networkNamespace)
  }

  async apply(program: NftProgram): Promise<Sent> {
    // Replacing a table must be one transaction, and only nft can say all of it.
    if (program.replace) return await runScript(this.#nft, print(program))
    const parts: Sent[] = []
    if (program.declarations.length > 0) {
      const script = [`add table ${nftFamily(program.family)} ${tableName}`, ...program.declarations, '']
      parts.push(await runScript(this.#nft, script.join('\n')))
    }
    if (program.elements.count > 0) parts.push({ bytes: this.#send(program), transactions: 1 })
    return { bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), transactions: parts.length }
  }

  async readStructure(family: IpFamily): Promise<Structure> {
    // Asking for the sets of a table that isn't there is an error.
    const flags = this.#tableFlags(family)
    if (flags === undefined) return noTable
    const chains = new Map<string, number>()
    const read = (attributes: Buffer, name: number) => text(findAttribute(attributes, name))
    for (const name of this.#objects(message.getChain, family, (one) => read(one, objectAttribute.chainName)))
      chains.set(name, 0)
    for (const name of this.#objects(message.getRule, family, (one) => read(one, objectAttribute.ruleChain)))
      chains.set(name, (chains.get(name) ?? 0) + 1)
    const sets = this.#objects(message.getSet, family, (attributes) => {
      const name = read(attributes, objectAttribute.setName)
      const set = findSet(name)
      const flaw = set && shapeFlaw(attributes, set, family)
      return { name, flaw: flaw && `the set ${name} ${flaw}` }
    })
    return {
      exists: true,
      flaw: flags !== 0 ? flaggedTable : sets.find(({ flaw }) => flaw !== undefined)?.flaw,
      chains,
      sets: new Set(sets.map(({ name }) => name)),
    }
  }

  /** @returns `undefined`: there is no table of our name */
  #tableFlags(family: IpFamily): number | undefined {
    this.#writer.reset()
    const start = this.#writer.beginMessage(message.getTable, messageFlag.request)
    writeNfnetlinkHeader(this.#writer, addressFamily[family])
    this.#writer.stringAttribute(objectAttribute.table, tableName)
    this.#writer.endMessage(start)
    const refused = (ack: NetlinkAck) => new SystemCallError(`read the table ${tableName}`, ack.errno)
    try {
      const { payload } = this.#socket.ask(this.#writer.bytes, refused)
      return findNumber(payload.subarray(nfnetlinkHeaderBytes), objectAttribute.tableFlags, 'uint32BE') ?? 0
    } catch (error) {
      if (error instanceof SystemCallError && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  async readElements(
    family: IpFamily,
    sets: readonly SetDeclaration[],
  ): Promise<Map<string, ObservedElements>> {
    const result = new Map<string, ObservedElements>()
    for (const set of sets) {
      result.set(
        set.name,
        readWhole(() => this.#readSet(family, set)),
      )
      // A dump of a large set takes a while; let timers and watches have their turn between two.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return result
  }

  readGeneration(): number | undefined {
    return this.#info.generation()
  }

  close(): void {
    this.#socket.close()
    this.#info.close()
  }

  #send(program: NftProgram): number {
    const writer = this.#writer
    const sent = writeBatch(writer, program)
    const last = sent.at(-1)
    if (last === undefined) return 0
    const bytes = writer.length
    try {
      const [error] = this.#socket.transact(writer.bytes, last.sequence)
      if (error !== undefined) throw refusal(error, sent, writer.bytes)
    } finally {
      // Lets go of a large buffer now, not at the next change.
      writer.reset()
    }
    return bytes
  }

  /** What is read of the attributes of every object of a kind in our table. */
  #objects<Read>(type: number, family: IpFamily, read: (attributes: Buffer) => Read): Read[] {
    return readWhole(() => {
      this.#writer.reset()
      const start = this.#writer.beginMessage(type, messageFlag.request | messageFlag.dump)
      writeNfnetlinkHeader(this.#writer, addressFamily[family])
      this.#writer.stringAttribute(objectAttribute.table, tableName)
      this.#writer.endMessage(start)
      const found: Read[] = []
      const refused = (ack: NetlinkAck) => new Error(`list the table ${tableName}: ${inWords(ack)}`)
      for (const { payload } of this.#socket.dump(Buffer.from(this.#writer.bytes), refused)) {
        const attributes = payload.subarray(nfnetlinkHeaderBytes)
        // Older kernels ignore the filter by table.
        if (text(findAttribute(attributes, objectAttribute.table)) !== tableName) continue
        found.push(read(attributes))
      }
      return found
    })
  }

  #readSet(family: IpFamily, set: SetDeclaration): ObservedElements {
    this.#writer.reset()
    const start = beginElements(this.#writer, message.getSetElement, messageFlag.dump, family, set.name)
    this.#writer.endMessage(start)
    const elements: ObservedElements = new Map()
    const edges: Edge[] = []
    const plainInterval = set.kind === 'interval' && set.key.length === 1
    const refused = (ack: NetlinkAck) => new Error(`list the set ${set.name}: ${inWords(ack)}`)
    for (const { payload } of this.#socket.dump(Buffer.from(this.#writer.bytes), refused)) {
      const bytes = findAttribute(payload.subarray(nfnetlinkHeaderBytes), listAttribute.elements)
      if (bytes === undefined) continue
      for (const { key, value, intervalEnd } of readElements(bytes, set, family)) {
        if (plainInterval) edges.push({ address: key as Address, end: intervalEnd })
        else elements.set(key, value)
      }
    }
    for (const range of pairEdges(edges)) elements.set(range, '')
    return elements
  }
}

function text(value: Buffer | undefined): string {
  return value === undefined ? '' : value.toString('latin1', 0, value.length - 1)
}
