import { findAttribute, messageFlag, type NetlinkAck, NetlinkSocket, NetlinkWriter } from '@portolan/native'

const netfilter = 12
/** NFNL_SUBSYS_IPSET and NFNL_SUBSYS_NFTABLES of linux/netfilter/nfnetlink.h, with the messages asked for. */
const message = { listSet: (6 << 8) | 7, getGeneration: (10 << 8) | 16 }
/** IPSET_ATTR_* of linux/netfilter/ipset/ip_set.h. */
const attribute = { protocol: 1, setName: 2, flags: 6, data: 7, elements: 24 }
const ipsetProtocol = 6
const listHeaderOnly = 1 << 2
const generationId = 1
const noEntry = 2

/** Small numbers that the kernel tells of sets and of nftables, on one long-lived socket; microseconds each. */
export class NetfilterCounts {
  readonly #socket: NetlinkSocket
  readonly #writer = new NetlinkWriter()

  constructor(networkNamespace: string | undefined) {
    this.#socket = new NetlinkSocket({
      protocol: netfilter,
      sendBufferBytes: 64 * 1024,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    })
  }

  /** The generation of nftables' rules: it grows by one with every transaction in the network namespace. */
  generation(): number {
    const request = this.#request(message.getGeneration, messageFlag.request, () => {})
    const { payload } = this.#socket.ask(request, (ack) => refused('nftables generation', ack))
    return findAttribute(payload.subarray(4), generationId)?.readUInt32BE(0) ?? 0
  }

  /** How many elements a set has; `undefined`: there is no such set. */
  elements(set: string): number | undefined {
    const request = this.#request(message.listSet, messageFlag.request | messageFlag.dump, (writer) => {
      const protocol = writer.beginAttribute(attribute.protocol)
      writer.uint8(ipsetProtocol)
      writer.endAttribute(protocol)
      const name = writer.beginAttribute(attribute.setName)
      for (const byte of Buffer.from(`${set}\0`)) writer.uint8(byte)
      writer.endAttribute(name)
      const flags = writer.beginAttribute(attribute.flags | 0x4000)
      writer.uint16BE(0)
      writer.uint16BE(listHeaderOnly)
      writer.endAttribute(flags)
    })
    let count: number | undefined
    try {
      for (const { payload } of this.#socket.dump(request, (ack) => refused(set, ack))) {
        const data = findAttribute(payload.subarray(4), attribute.data)
        count = data === undefined ? count : findAttribute(data, attribute.elements)?.readUInt32BE(0)
      }
    } catch (error) {
      if (error instanceof NoSuchSet) return undefined
      throw error
    }
    return count
  }

  close(): void {
    this.#socket.close()
  }

  #request(type: number, flags: number, write: (writer: NetlinkWriter) => void): Buffer {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, flags)
    // struct nfgenmsg: address family (any), version, resource id
    this.#writer.uint8(0)
    this.#writer.uint8(0)
    this.#writer.uint16BE(0)
    write(this.#writer)
    this.#writer.endMessage(start)
    return this.#writer.bytes
  }
}

class NoSuchSet extends Error {}

function refused(what: string, { errno, message: words }: NetlinkAck): Error {
  return errno === noEntry ? new NoSuchSet(what) : new Error(`ask for ${what}: error ${errno} ${words ?? ''}`)
}
