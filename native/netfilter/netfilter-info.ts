import { SystemCallError } from '../libc.ts'
import { readWhole } from '../netlink/netlink-protocol-error.ts'
import { findNumber, messageFlag } from '../netlink/netlink-reader.ts'
import { NetlinkSocket } from '../netlink/netlink-socket.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'
import { addressFamily, type IpFamily } from './family.ts'
import { readIpsetCount, readIpsetRevision, writeIpsetList, writeIpsetTypeRequest } from './ipset-messages.ts'
import {
  netlinkNetfilter,
  nfnetlinkHeaderBytes,
  nfnetlinkSubsystem,
  writeNfnetlinkHeader,
} from './nfnetlink.ts'

/** NFT_MSG_GETGEN with NFTA_GEN_ID, and NFNL_MSG_COMPAT_GET, of linux/netfilter/nf_tables.h and nf_tables_compat.h. */
const message = {
  getGeneration: nfnetlinkSubsystem.nfTables | 16,
  getExtension: nfnetlinkSubsystem.nftCompat,
}
const generationId = 1
/** NFTA_COMPAT_*. */
const extension = { name: 1, revision: 2, kind: 3 }
const extensionKind = { match: 0, target: 1 } as const
/** IPSET_ERR_FIND_TYPE is one of ipset's own. */
const errno = { noEntry: 2, invalid: 22, noProtocol: 93, noSetType: 4098 }

/**
 * Small questions to netfilter, about objects of any origin, on one long-lived socket; microseconds each. Needs
 * CAP_NET_ADMIN.
 */
export class NetfilterInfo {
  readonly #socket: NetlinkSocket
  readonly #writer = new NetlinkWriter()

  /** @param networkNamespace its path; absent: the caller's own */
  constructor(networkNamespace?: string) {
    this.#socket = new NetlinkSocket({
      protocol: netlinkNetfilter,
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
      return findNumber(payload.subarray(nfnetlinkHeaderBytes), generationId, 'uint32BE')
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
    this.#writer.reset()
    writeIpsetList(this.#writer, 'IPv4', set, true)
    try {
      return readWhole(() => {
        let count: number | undefined
        const refused = refusedTo(`count the elements of ipset ${set}`)
        for (const { payload } of this.#socket.dump(this.#writer.bytes, refused))
          count = readIpsetCount(payload) ?? count
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
  setTypeRevision(type: string, family: IpFamily): number | undefined {
    this.#writer.reset()
    writeIpsetTypeRequest(this.#writer, family, type)
    try {
      const refused = refusedTo(`ask for the ipset type ${type}`)
      return readIpsetRevision(this.#socket.ask(this.#writer.bytes, refused).payload)
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
    family: IpFamily,
    kind: keyof typeof extensionKind,
    name: string,
    revision: number,
  ): boolean | undefined {
    const ask = (writer: NetlinkWriter) => {
      writer.stringAttribute(extension.name, name)
      writer.uint32BEAttribute(extension.revision, revision)
      writer.uint32BEAttribute(extension.kind, extensionKind[kind])
    }
    const request = this.#request(message.getExtension, addressFamily[family], ask)
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

  #request(type: number, family: number, write: (writer: NetlinkWriter) => void): Buffer {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, messageFlag.request)
    writeNfnetlinkHeader(this.#writer, family)
    write(this.#writer)
    this.#writer.endMessage(start)
    return this.#writer.bytes
  }
}

function refusedTo(doing: string): (ack: { readonly errno: number }) => Error {
  return ({ errno: number }) => new SystemCallError(doing, number)
}
