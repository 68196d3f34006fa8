import { SystemCallError } from '../libc.ts'
import { readWhole } from '../netlink/netlink-protocol-error.ts'
import { findAttribute, messageFlag } from '../netlink/netlink-reader.ts'
import { NetlinkSocket } from '../netlink/netlink-socket.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'

const netfilter = 12
/** struct nfgenmsg, which every payload begins with: address family, version, resource id. */
const headerBytes = 4
/** NFNL_SUBSYS_IPSET, _NFTABLES and _NFT_COMPAT of linux/netfilter/nfnetlink.h, with the messages asked for. */
const message = {
  listSet: (6 << 8) | 7,
  getSetType: (6 << 8) | 13,
  getGeneration: (10 << 8) | 16,
  getExtension: 11 << 8,
}
/** IPSET_ATTR_* of linux/netfilter/ipset/ip_set.h. */
const attribute = {
  protocol: 1,
  setName: 2,
  setType: 3,
  revision: 4,
  family: 5,
  flags: 6,
  data: 7,
  elements: 24,
}
/** NFTA_COMPAT_* of linux/netfilter/nf_tables_compat.h. */
const extension = { name: 1, revision: 2, kind: 3 }
const extensionKind = { match: 0, target: 1 } as const
const protocolFamily = { IPv4: 2, IPv6: 10 } as const
/** Understood by every kernel since 2.6.39. */
const ipsetProtocol = 6
const listHeaderOnly = 1 << 2
const networkOrder = 0x4000
const generationId = 1
/** IPSET_ERR_FIND_TYPE is one of ipset's own. */
const errno = { noEntry: 2, invalid: 22, noProtocol: 93, noSetType: 4098 }

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
      uint8Attribute(writer, attribute.protocol, ipsetProtocol)
      writer.stringAttribute(attribute.setName, set)
      writer.uint32BEAttribute(networkOrder | attribute.flags, listHeaderOnly)
    })
    try {
      return readWhole(() => {
        let count: number | undefined
        for (const { payload } of this.#socket.dump(
          request,
          refusedTo(`count the elements of ipset ${set}`),
        )) {
          const data = findAttribute(payload.subarray(headerBytes), attribute.data)
          count = data === undefined ? count : findAttribute(data, attribute.elements)?.readUInt32BE(0)
        }
        return count
      })
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.noEntry) return undefined
      throw error
    }
  }

  /**
   * The newest revision that the kernel has of an ipset type, such as `hash:ip,port`; `undefined`: it hasn't the type,
   * and no module brought it.
   *
   * @throws SystemCallError EINVAL: the kernel has no ipsets at all
   */
  setTypeRevision(type: string, family: keyof typeof protocolFamily): number | undefined {
    const request = this.#request(message.getSetType, 0, (writer) => {
      uint8Attribute(writer, attribute.protocol, ipsetProtocol)
      writer.stringAttribute(attribute.setType, type)
      uint8Attribute(writer, attribute.family, protocolFamily[family])
    })
    try {
      const { payload } = this.#socket.ask(request, refusedTo(`ask for the ipset type ${type}`))
      return findAttribute(payload.subarray(headerBytes), attribute.revision)?.readUInt8(0)
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.noSetType) return undefined
      throw error
    }
  }

  /**
   * Whether nf_tables has a match or target of iptables in a revision (nft_compat), perhaps by a module that the
   * question loads. `undefined`: it has no nft_compat, and so none of them.
   *
   * @throws SystemCallError
   */
  hasExtension(
    family: keyof typeof protocolFamily,
    kind: keyof typeof extensionKind,
    name: string,
    revision: number,
  ): boolean | undefined {
    const ask = (writer: NetlinkWriter) => {
      writer.stringAttribute(extension.name, name)
      writer.uint32BEAttribute(extension.revision, revision)
      writer.uint32BEAttribute(extension.kind, extensionKind[kind])
    }
    const request = this.#request(message.getExtension, 0, ask, protocolFamily[family])
    try {
      this.#socket.ask(request, refusedTo(`ask for the ${kind} ${name}`))
      return true
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error
      if (error.errno === errno.invalid) return undefined
      if (error.errno === errno.noEntry || error.errno === errno.noProtocol) return false
      throw error
    }
  }

  close(): void {
    this.#socket.close()
  }

  #request(type: number, flags: number, write: (writer: NetlinkWriter) => void, family = 0): Buffer {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, messageFlag.request | flags)
    // The address family is the header's first byte; the rest of it is zero.
    this.#writer.uint32(family)
    write(this.#writer)
    this.#writer.endMessage(start)
    return this.#writer.bytes
  }
}

function refusedTo(doing: string): (ack: { readonly errno: number }) => Error {
  return ({ errno: number }) => new SystemCallError(doing, number)
}

function uint8Attribute(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint8(value)
  writer.endAttribute(start)
}
