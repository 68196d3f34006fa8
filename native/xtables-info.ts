import { call } from './libc.ts'
import { inNetworkNamespace } from './network-namespace.ts'

const inet = { domain: 2, level: 0 }
const inet6 = { domain: 10, level: 41 }
const rawCloseOnExec = 3 | 0o2000000
const rawProtocol = 255
/** IPT_SO_GET_INFO and IP6T_SO_GET_INFO of linux/netfilter_ipv4/ip_tables.h. */
const getInfo = 64
const nameBytes = 32
const infoBytes = 84

/**
 * Asks the kernel for the shape of legacy iptables tables: where the rules of each hook begin and end, how many rules
 * there are, and how many bytes they take. It costs microseconds, whatever the tables hold.
 */
export class XtablesInfo {
  readonly #sockets = new Map<'IPv4' | 'IPv6', number>()
  readonly #networkNamespace: string | undefined

  /** @param networkNamespace its path; absent: the caller's own */
  constructor(networkNamespace?: string) {
    this.#networkNamespace = networkNamespace
  }

  /**
   * The shape as text, to be compared with another one. Makes the table where it doesn't exist yet, as iptables does.
   *
   * @throws SystemCallError ENOENT: the kernel has no such table; EPERM: needs CAP_NET_ADMIN
   */
  read(family: 'IPv4' | 'IPv6', table: string): string {
    const info = Buffer.alloc(infoBytes)
    info.write(table)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(info.length)
    const { level } = family === 'IPv4' ? inet : inet6
    call('getsockopt', `ask for ${table}'s shape`, this.#socket(family), level, getInfo, info, length)
    return info.toString('base64', nameBytes)
  }

  close(): void {
    for (const socket of this.#sockets.values()) call('close', 'close a raw socket', socket)
    this.#sockets.clear()
  }

  #socket(family: 'IPv4' | 'IPv6'): number {
    let socket = this.#sockets.get(family)
    if (socket === undefined) {
      const { domain } = family === 'IPv4' ? inet : inet6
      const open = () => call('socket', 'open a raw socket', domain, rawCloseOnExec, rawProtocol)
      socket =
        this.#networkNamespace === undefined ? open() : inNetworkNamespace(this.#networkNamespace, open)
      this.#sockets.set(family, socket)
    }
    return socket
  }
}
