import { createHash } from 'node:crypto'
import { call, SystemCallError } from '../libc.ts'
import { inNetworkNamespace } from '../network-namespace.ts'

const rawCloseOnExec = 3 | 0o2000000
const rawProtocol = 255
/** IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES of linux/netfilter_ipv4/ip_tables.h; IPv6 has the same numbers. */
const getInfo = 64
const getEntries = 65
const nameBytes = 32
/** struct xt_get_revision: name and revision. */
const revisionAt = 29
/** struct ipt_getinfo: name, valid hooks, 5 first and 5 last rules of hooks, number of rules, bytes. */
const info = { bytes: 84, sizeAt: 80 }
/** struct ipt_get_entries: name and size, padded before the first rule. */
const entriesAt = 40

/**
 * Socket domain and level; where struct ipt_entry or ip6t_entry has what, in bytes from its start; and the options
 * IPT_SO_GET_REVISION_MATCH and _TARGET, of which IPv6 has other numbers.
 */
const layouts = {
  IPv4: { domain: 2, level: 0, nextAt: 90, countersAt: 96, revision: { match: 66, target: 67 } },
  IPv6: { domain: 10, level: 41, nextAt: 142, countersAt: 152, revision: { match: 68, target: 69 } },
} as const

type Family = keyof typeof layouts

/**
 * Looks at legacy iptables tables without the tools: at their shape in microseconds whatever they hold, at their content
 * for as long as it takes to copy it. To look at a table that doesn't exist yet makes it, as with iptables.
 */
export class XtablesInfo {
  readonly #sockets = new Map<Family, number>()
  readonly #networkNamespace: string | undefined

  /** @param networkNamespace its path; absent: the caller's own */
  constructor(networkNamespace?: string) {
    this.#networkNamespace = networkNamespace
  }

  /**
   * Where the rules of each hook begin and end, and how many there are, as text to be compared with another one; and
   * how many bytes they take. `undefined`: the kernel has no such table, or has not loaded ip_tables yet.
   *
   * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
   */
  shape(family: Family, table: string): { readonly text: string; readonly bytes: number } | undefined {
    const answer = Buffer.alloc(info.bytes)
    answer.write(table)
    try {
      this.#ask(family, `look at the ${family} table ${table}`, getInfo, answer)
    } catch (error) {
      if (error instanceof SystemCallError && /^(ENOPROTOOPT|ENOENT)$/.test(error.code)) return undefined
      throw error
    }
    return { text: answer.toString('base64', nameBytes), bytes: answer.readUInt32LE(info.sizeAt) }
  }

  /**
   * A digest of all rules; their packet counters don't count. `undefined`: the table has another size meanwhile.
   *
   * @param bytes as told by `shape`
   * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
   */
  digest(family: Family, table: string, bytes: number): string | undefined {
    const answer = Buffer.alloc(entriesAt + bytes)
    answer.write(table)
    answer.writeUInt32LE(bytes, nameBytes)
    try {
      this.#ask(family, `look at the ${family} table ${table}`, getEntries, answer)
    } catch (error) {
      if (error instanceof SystemCallError && error.code === 'EAGAIN') return undefined
      throw error
    }
    const { nextAt, countersAt } = layouts[family]
    for (let at = entriesAt; at + countersAt + 16 <= answer.length; ) {
      answer.fill(0, at + countersAt, at + countersAt + 16)
      const next = answer.readUInt16LE(at + nextAt)
      if (next === 0) break
      at += next
    }
    return createHash('sha1').update(answer).digest('base64')
  }

  /**
   * Whether the kernel has a match or target in a revision, perhaps by a module that the question loads. Makes no table.
   * `undefined`: ip_tables isn't loaded, so it is unknown.
   *
   * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
   */
  hasExtension(
    family: Family,
    kind: 'match' | 'target',
    name: string,
    revision: number,
  ): boolean | undefined {
    const question = Buffer.alloc(revisionAt + 1)
    question.write(name)
    question.writeUInt8(revision, revisionAt)
    try {
      this.#ask(family, `ask for the ${family} ${kind} ${name}`, layouts[family].revision[kind], question)
      return true
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error
      if (error.code === 'ENOPROTOOPT') return undefined
      if (error.code === 'ENOENT' || error.code === 'EPROTONOSUPPORT') return false
      throw error
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) call('close', 'close a raw socket', socket)
    this.#sockets.clear()
  }

  #ask(family: Family, doing: string, option: number, answer: Buffer): void {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(answer.length)
    const { level } = layouts[family]
    call('getsockopt', doing, this.#socket(family), level, option, answer, length)
  }

  #socket(family: Family): number {
    let socket = this.#sockets.get(family)
    if (socket === undefined) {
      const { domain } = layouts[family]
      const open = () => call('socket', 'open a raw socket', domain, rawCloseOnExec, rawProtocol)
      socket =
        this.#networkNamespace === undefined ? open() : inNetworkNamespace(this.#networkNamespace, open)
      this.#sockets.set(family, socket)
    }
    return socket
  }
}
