import { SystemCallError } from './libc.ts'
import { findAttribute, messageFlag } from './netlink-reader.ts'
import { NetlinkSocket } from './netlink-socket.ts'
import { NetlinkWriter } from './netlink-writer.ts'

const netfilter = 12
/** struct nfgenmsg, which every payload begins with: address family, version, resource id. */
const headerBytes = 4
/** NFNL_SUBSYS_IPSET and NFNL_SUBSYS_NFTABLES of linux/netfilter/nfnetlink.h, with the messages asked for. */
const message = { listSet: (6 << 8) | 7, getGeneration: (10 << 8) | 16 }
/** IPSET_ATTR_* of linux/netfilter/ipset/ip_set.h. */
const attribute = { protocol: 1, setName: 2, flags: 6, data: 7, elements: 24 }
/** Understood by every kernel since 2.6.39. */
const ipsetProtocol = 6
const listHeaderOnly = 1 << 2
const networkOrder = 0x4000
const generationId = 1
const errno = { noEntry: 2, invalid: 22 }

/**
 * Small questions to netfilter, whoever made what they are about, on one long-lived socket; microseconds each. Needs
 * CAP_NET_ADMIN.
 */
export class NetfilterInfo {
  readonly #socket: NetlinkSocket
  readonly #writer = new NetlinkWriter()

  /** @param networkNamespace its path; absent: the caller's own */
  constructor(networkNamespace?: string) {
    this.#socket = new NetlinkSocket({
      protocol: netfilter,
      sendBufferBytes: 64 * 1024,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    })
  }

  /**
   * The generation of nf_tables' rules: it grows by one with every transaction in the network namespace. `undefined`:
   * the kernel has no nf_tables.
   *
   * @throws SystemCallError
   */
  generation(): number | undefined {
    const request = this.#request(message.getGeneration, 0, () => {})
    try {
      const { payload } = this.#socket.ask(request, refusedTo("read nf_tables' generation"))
      return findAttribute(payload.subarray(headerBytes), generationId)?.readUInt32BE(0)
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.invalid) return undefined
      throw error
    }
  }

  /**
   * How many elements an ipset has; `undefined`: there is no such set.
   *
   * @throws SystemCallError
   */
  elements(set: string): number | undefined {
    const request = this.#request(message.listSet, messageFlag.dump, (writer) => {
      this.#ipsetProtocol()
      writer.stringAttribute(attribute.setName, set)
      writer.uint32BEAttribute(networkOrder | attribute.flags, listHeaderOnly)
    })
    let count: number | undefined
    try {
      for (const { payload } of this.#socket.dump(request, refusedTo(`count the elements of ipset ${set}`))) {
        const data = findAttribute(payload.subarray(headerBytes), attribute.data)
        count = data === undefined ? count : findAttribute(data, attribute.elements)?.readUInt32BE(0)
      }
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.noEntry) return undefined
      throw error
    }
    return count
  }

  close(): void {
    this.#socket.close()
  }

  #ipsetProtocol(): void {
    const start = this.#writer.beginAttribute(attribute.protocol)
    this.#writer.uint8(ipsetProtocol)
    this.#writer.endAttribute(start)
  }

  #request(type: number, flags: number, write: (writer: NetlinkWriter) => void): Buffer {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, messageFlag.request | flags)
    this.#writer.uint32(0)
    write(this.#writer)
    this.#writer.endMessage(start)
    return this.#writer.bytes
  }
}

function refusedTo(doing: string): (ack: { readonly errno: number }) => Error {
  return ({ errno: number }) => new SystemCallError(doing, number)
}
