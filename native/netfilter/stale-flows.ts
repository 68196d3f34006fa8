import { SystemCallError } from '../libc.ts'
import { dumpInBackground } from '../netlink/background-dump.ts'
import { messageFlag } from '../netlink/netlink-reader.ts'
import { NetlinkSocket } from '../netlink/netlink-socket.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'
import {
  type FlowFilter,
  type FlowKey,
  FlowView,
  flowKey,
  writeFlowDelete,
  writeUdpFlowDump,
} from './conntrack-messages.ts'
import type { IpFamily } from './family.ts'
import { netlinkNetfilter } from './nfnetlink.ts'

/** An address as text, and a port. */
export interface FlowAddress<Address extends string> {
  readonly address: Address
  readonly port: number
}

export interface StaleFlowsOptions<Address extends string> {
  readonly family: IpFamily
  /**
   * Who may answer what clients send to an address and port: a list for each Service that may be meant. None: nobody's flows,
   * which are left alone. Asked again in each turn of the event loop, because it may change while flows are read. The same
   * list as long as it says the same.
   */
  serversAt(address: Address, port: number): readonly (readonly FlowAddress<Address>[])[]
  /** Which flows are to be looked at: those that one of these answers, or that go to one of these. Absent: all. */
  readonly suspects?: {
    readonly answeredBy: readonly FlowAddress<Address>[]
    readonly sentTo: readonly FlowAddress<Address>[]
  }
  /** The bytes of an address, in network order. */
  addressBytes(address: Address): Uint8Array
  /** The address of bytes in network order. */
  formatBytes(bytes: Uint8Array): Address
  /** The network namespace to work in, as a path. Absent: the process's own. */
  readonly networkNamespace?: string | undefined
  /** Ends it early, without an error. */
  readonly signal?: AbortSignal
}

export interface ForgottenFlows {
  /** Flows that were looked at. */
  readonly read: number
  readonly deleted: number
}

/** A dump that goes on being interrupted by changes is given up after so many times: what was seen of it has been judged. */
const attempts = 5

/** Requests in one batch to the kernel, which holds the event loop: some hundred microseconds. */
const batch = 100

/**
 * To look for flows one source after the other costs a walk through all of them each (a quarter of a microsecond a flow),
 * to be told of all flows of UDP costs two microseconds for each of those.
 */
const maxWalks = 4

const noSuchEntry = 2
const udp = 17

/**
 * Has the kernel's connection tracking forget flows of UDP that are answered by none of the servers which they may be led
 * to, so that the client's next datagram is led anew. One pass in bounded memory, which leaves the event loop free.
 *
 * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
 * @throws NetlinkProtocolError
 */
export async function forgetStaleFlows<Address extends string>(
  options: StaleFlowsOptions<Address>,
): Promise<ForgottenFlows> {
  const { family, networkNamespace, signal } = options
  const socketOptions = {
    protocol: netlinkNetfilter,
    sendBufferBytes: 256 * 1024,
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
  }
  const judge = new FlowJudge(options)
  const flow = new FlowView(family)
  const deletion = new FlowDeletion(family, new NetlinkSocket(socketOptions))
  let read = 0
  /** The kernel gives flows that were not asked for: it knows no filter, and gives all. */
  let isUnfiltered = false
  const look = async (only: FlowFilter | undefined): Promise<void> => {
    const request = new NetlinkWriter()
    writeUdpFlowDump(request, family, only)
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const whole = await dumpInBackground(
        request.bytes,
        (datagram, start, end) => {
          if (!flow.read(datagram, start, end)) return
          read++
          if (!isWanted(flow, only)) isUnfiltered = true
          if (flow.protocol === udp && judge.isStale(flow)) deletion.add(flow)
        },
        {
          ...socketOptions,
          onTurn: () => judge.forget(),
          doing: `list ${family} flows of UDP`,
          ...(signal === undefined ? {} : { signal }),
        },
      )
      deletion.flush()
      if (whole || signal?.aborted === true) return
    }
  }
  try {
    const filters = filtersOf(options)
    if (filters === undefined || filters.length > maxWalks) await look(undefined)
    else
      for (const only of filters) {
        if (isUnfiltered || signal?.aborted === true) break
        await look(only)
      }
    return { read, deleted: deletion.deleted }
  } finally {
    deletion.close()
  }
}

/** Filters that differ from one another: see `writeUdpFlowDump`. `undefined`: all flows are to be looked at. */
function filtersOf<Address extends string>({
  family,
  suspects,
  addressBytes,
}: StaleFlowsOptions<Address>): readonly FlowFilter[] | undefined {
  if (suspects === undefined) return undefined
  const filters = new Map<string, FlowFilter>()
  const add = (end: FlowFilter['end'], { address, port }: FlowAddress<Address>) =>
    filters.set(family === 'IPv4' ? `${end} ${address} ${port}` : `${end} ${port}`, {
      end,
      address: addressBytes(address),
      port,
    })
  for (const one of suspects.answeredBy) add('replySource', one)
  for (const one of suspects.sentTo) add('destination', one)
  return [...filters.values()]
}

/** Whether the kernel gives what it was asked for, as far as it is always asked the same. */
function isWanted(flow: FlowView, only: FlowFilter | undefined): boolean {
  if (flow.protocol !== udp) return false
  if (only === undefined) return true
  return only.port === (only.end === 'destination' ? flow.destinationPort : flow.replySourcePort)
}

/** Whether a flow goes where it may go. */
class FlowJudge<Address extends string> {
  readonly #options: StaleFlowsOptions<Address>
  /** Of the destinations that were met in this turn of the event loop. */
  readonly #servers = new Map<FlowKey, readonly ReadonlySet<FlowKey>[]>()
  /** As keys, for each list that was met. */
  readonly #keys = new WeakMap<readonly FlowAddress<Address>[], ReadonlySet<FlowKey>>()

  constructor(options: StaleFlowsOptions<Address>) {
    this.#options = options
  }

  isStale(flow: FlowView): boolean {
    const { destination } = flow
    let servers = this.#servers.get(destination)
    if (servers === undefined) {
      servers = this.#serversOf(flow)
      this.#servers.set(destination, servers)
    }
    if (servers.length === 0) return false
    const { replySource } = flow
    for (const keys of servers) if (keys.has(replySource)) return false
    return true
  }

  /** What is known of destinations may have changed. */
  forget(): void {
    this.#servers.clear()
  }

  #serversOf(flow: FlowView): readonly ReadonlySet<FlowKey>[] {
    const address = this.#options.formatBytes(flow.destinationAddress)
    return this.#options.serversAt(address, flow.destinationPort).map((list) => this.#keysOf(list))
  }

  #keysOf(servers: readonly FlowAddress<Address>[]): ReadonlySet<FlowKey> {
    let keys = this.#keys.get(servers)
    if (keys === undefined) {
      keys = new Set(servers.map(({ address, port }) => flowKey(this.#options.addressBytes(address), port)))
      this.#keys.set(servers, keys)
    }
    return keys
  }
}

/** Gathers deletions and sends them some at a time. */
class FlowDeletion {
  deleted = 0
  readonly #family: IpFamily
  readonly #socket: NetlinkSocket
  readonly #writer = new NetlinkWriter()

  constructor(family: IpFamily, socket: NetlinkSocket) {
    this.#family = family
    this.#socket = socket
  }

  add(flow: FlowView): void {
    writeFlowDelete(this.#writer, this.#family, flow, messageFlag.ack)
    if (this.#writer.sequence >= batch) this.flush()
  }

  /** @throws SystemCallError when the kernel refuses; one that is gone by itself is no matter */
  flush(): void {
    const { sequence } = this.#writer
    if (sequence === 0) return
    const refused = this.#socket.transact(this.#writer.bytes, sequence)
    this.#writer.reset()
    this.deleted += sequence - refused.length
    const error = refused.find(({ errno }) => errno !== noSuchEntry)
    if (error !== undefined) throw new SystemCallError(`delete ${this.#family} flows of UDP`, error.errno)
  }

  close(): void {
    this.#socket.close()
  }
}
