import { call } from './libc.ts'
import {
  messageFlag,
  messageType,
  type NetlinkAck,
  type NetlinkMessage,
  readAck,
  readDone,
  readMessages,
} from './netlink-reader.ts'
import { inNetworkNamespace } from './network-namespace.ts'

const addressFamilyNetlink = 16
const rawCloseOnExec = 3 | 0o2000000
const solSocket = 1
const solNetlink = 270
const option = { receiveTimeout: 20, sendBufferForce: 32, receiveBufferForce: 33, capAck: 10, extAck: 11 }

export interface NetlinkSocketOptions {
  /** The netlink family: 12 is NETLINK_NETFILTER, 16 NETLINK_GENERIC. */
  readonly protocol: number
  /** The network namespace that the socket belongs to, as a path. Absent: the caller's. */
  readonly networkNamespace?: string
  /** Largest batch, in bytes; the kernel counts its own overhead against it. */
  readonly sendBufferBytes: number
}

/** An answer that did not come, or a dump that another writer interrupted. */
export class NetlinkProtocolError extends Error {
  readonly code: 'NETLINK_DUMP_INTERRUPTED' | 'NETLINK_CLOSED'

  constructor(code: NetlinkProtocolError['code'], message: string) {
    super(message)
    this.name = 'NetlinkProtocolError'
    this.code = code
  }
}

/** A dump whose interruptions go on is given up after so many times. */
const dumpAttempts = 10

/**
 * Asks for a dump again while changes interrupt it.
 *
 * @param read makes the dump anew and reads it to its end
 * @throws NetlinkProtocolError NETLINK_DUMP_INTERRUPTED when the tenth one was interrupted too
 */
export function readWhole<Result>(read: () => Result): Result {
  for (let attempt = 1; ; attempt++) {
    try {
      return read()
    } catch (error) {
      const again = error instanceof NetlinkProtocolError && error.code === 'NETLINK_DUMP_INTERRUPTED'
      if (!again || attempt === dumpAttempts) throw error
    }
  }
}

/**
 * One long-lived netlink socket. Calls are synchronous: the kernel does the work of a request inside send(2), so an
 * answer is there when it returns. Needs CAP_NET_ADMIN for requests that change anything.
 */
export class NetlinkSocket {
  readonly #fd: number
  #open = true
  /** Reused for every receive; 256 KiB holds the largest datagram of a dump. */
  readonly #receiveBuffer = Buffer.alloc(256 * 1024)

  /** @throws SystemCallError when the kernel lacks the netlink family or refuses the socket */
  constructor(options: NetlinkSocketOptions) {
    const make = () =>
      call('socket', 'open a netlink socket', addressFamilyNetlink, rawCloseOnExec, options.protocol)
    this.#fd =
      options.networkNamespace === undefined ? make() : inNetworkNamespace(options.networkNamespace, make)
    const address = Buffer.alloc(12)
    address.writeUInt16LE(addressFamilyNetlink, 0)
    call('bind', 'bind a netlink socket', this.#fd, address, address.length)
    this.#setOption(solSocket, option.sendBufferForce, options.sendBufferBytes)
    this.#setOption(solSocket, option.receiveBufferForce, 4 * 1024 * 1024)
    this.#setOption(solNetlink, option.capAck, 1)
    this.#setOption(solNetlink, option.extAck, 1)
    // An answer that is overdue by this much never comes; better an error than a process that hangs.
    const timeout = Buffer.alloc(16)
    timeout.writeBigInt64LE(30n, 0)
    call(
      'setsockopt',
      'set a receive timeout',
      this.#fd,
      solSocket,
      option.receiveTimeout,
      timeout,
      timeout.length,
    )
  }

  /**
   * Sends one batch and reads its answers up to the acknowledgement of `lastSequence`, or the first error's batch.
   * @returns every error the kernel named; none: all was done
   */
  transact(batch: Buffer, lastSequence: number): NetlinkAck[] {
    call('send', `send ${batch.length} bytes through netlink`, this.#fd, batch, batch.length, 0)
    const errors: NetlinkAck[] = []
    for (;;) {
      for (const message of readMessages(this.#receive())) {
        if (message.type !== messageType.error) continue
        const ack = readAck(message)
        if (ack.errno !== 0) errors.push(ack)
        else if (ack.sequence === lastSequence) return errors
      }
      // A refused batch answers with errors only; they are all queued by the time send(2) returns.
      if (errors.length > 0) {
        this.#drain(errors)
        return errors
      }
    }
  }

  /**
   * Sends a request that one message answers.
   * @throws the error that `refused` makes of an error answer
   */
  ask(request: Buffer, refused: (ack: NetlinkAck) => Error): NetlinkMessage {
    call('send', 'ask through netlink', this.#fd, request, request.length, 0)
    for (;;) {
      for (const message of readMessages(this.#receive())) {
        if (message.type === messageType.error) throw refused(readAck(message))
        return message
      }
    }
  }

  /**
   * Sends a dump request and yields its messages. The payloads are valid until the next step.
   * @throws NetlinkProtocolError NETLINK_DUMP_INTERRUPTED: somebody changed things meanwhile, ask again
   * @throws the error that `refused` makes of an error answer, at the start or of a dump that was cut off
   */
  *dump(request: Buffer, refused: (ack: NetlinkAck) => Error): Generator<NetlinkMessage> {
    call('send', 'ask for a netlink dump', this.#fd, request, request.length, 0)
    let interrupted = false
    for (;;) {
      for (const message of readMessages(this.#receive())) {
        if (message.flags & messageFlag.dumpInterrupted) interrupted = true
        if (message.type === messageType.error) throw refused(readAck(message))
        if (message.type === messageType.done) {
          const end = readDone(message)
          if (end.errno !== 0) throw refused(end)
          if (interrupted) {
            throw new NetlinkProtocolError(
              'NETLINK_DUMP_INTERRUPTED',
              'the kernel changed during a netlink dump',
            )
          }
          return
        }
        yield message
      }
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    call('close', 'close a netlink socket', this.#fd)
  }

  #receive(flags = 0): Buffer {
    if (!this.#open) throw new NetlinkProtocolError('NETLINK_CLOSED', 'this netlink socket is closed')
    const buffer = this.#receiveBuffer
    return buffer.subarray(0, call('recv', 'receive from netlink', this.#fd, buffer, buffer.length, flags))
  }

  /** Reads what is left of a refused batch's answers, without waiting. */
  #drain(errors: NetlinkAck[]): void {
    const doNotWait = 0x40
    for (;;) {
      let datagram: Buffer
      try {
        datagram = this.#receive(doNotWait)
      } catch {
        return
      }
      for (const message of readMessages(datagram)) {
        const ack = message.type === messageType.error ? readAck(message) : undefined
        if (ack !== undefined && ack.errno !== 0) errors.push(ack)
      }
    }
  }

  #setOption(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value, 0)
    call('setsockopt', `set netlink socket option ${name}`, this.#fd, level, name, bytes, bytes.length)
  }
}
