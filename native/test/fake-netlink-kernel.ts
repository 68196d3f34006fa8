import { SystemCallError } from '../libc.ts'
import type { NetlinkChannel } from '../netlink/netlink-channel.ts'
import { messageFlag, messageType, readMessages } from '../netlink/netlink-reader.ts'

/** What comes out of a socket: a datagram, or an errno. */
export type Received = { readonly bytes: Buffer } | { readonly errno: number }

/** Requests that the fake kernel knows, by message type. Their payload is a number. */
export const request = { change: 0x40, refusedChange: 0x41, get: 0x42, dump: 0x43 } as const

export const errno = { again: 11, invalid: 22, noBufferSpace: 105 } as const

/** Changes what was to come out of a socket: what is queued already, and what answers the request of the moment. */
export type Mischief = (queued: readonly Received[], answers: readonly Received[]) => readonly Received[]

/**
 * A kernel behind netlink sockets, in memory, whose answers can be spoilt on their way. It speaks as the real one does: a
 * batch is done whole or refused, refusals come before acknowledgements, and a dump comes in several datagrams.
 */
export class FakeNetlinkKernel {
  /** Numbers of the batches that were applied. */
  readonly applied = new Set<number>()
  /** What dumps list, and `get` sums up. */
  readonly held: readonly number[]
  mischief: Mischief = (queued, answers) => [...queued, ...answers]
  #lastPort = 1000
  readonly #perDatagram: number

  constructor(held: readonly number[], perDatagram: number) {
    this.held = held
    this.#perDatagram = perDatagram
  }

  readonly open = (): NetlinkChannel => {
    const portId = ++this.#lastPort
    let queue: readonly Received[] = []
    let isOpen = true
    return {
      portId,
      send: (datagram) => {
        if (!isOpen) throw new SystemCallError('send through a closed socket', 9)
        queue = this.mischief(queue, this.#answer(Buffer.from(datagram), portId))
      },
      receive: (buffer) => {
        if (!isOpen) throw new SystemCallError('receive from a closed socket', 9)
        const [first, ...rest] = queue
        queue = rest
        if (first === undefined) throw new SystemCallError('receive', errno.again)
        if ('errno' in first) throw new SystemCallError('receive', first.errno)
        first.bytes.copy(buffer, 0, 0, Math.min(first.bytes.length, buffer.length))
        return first.bytes.length
      },
      close: () => {
        isOpen = false
      },
    }
  }

  #answer(datagram: Buffer, portId: number): Received[] {
    const messages = [...readMessages(datagram)]
    const answers: Received[] = []
    const answer = (bytes: Buffer) => answers.push({ bytes })
    const refused = messages.some(({ type }) => type === request.refusedChange)
    for (const { type, flags, sequence, payload } of messages) {
      const number = payload.readUInt32LE(0)
      if (type === request.refusedChange) answer(errorMessage(sequence, portId, errno.invalid))
      else if (type === request.get)
        answer(message(type, 0, sequence, portId, word(number + this.held.length)))
      else if (type === request.dump) for (const bytes of this.#dump(sequence, portId)) answer(bytes)
      else if (!refused) this.applied.add(number)
      if (type === request.change && flags & messageFlag.ack) answer(errorMessage(sequence, portId, 0))
    }
    return answers
  }

  *#dump(sequence: number, portId: number): Generator<Buffer> {
    const { held } = this
    for (let at = 0; at < held.length; at += this.#perDatagram) {
      const some = held.slice(at, at + this.#perDatagram)
      yield Buffer.concat(some.map((one) => message(request.dump, 2, sequence, portId, word(one))))
    }
    yield message(messageType.done, 2, sequence, portId, word(0))
  }
}

/** NLMSG_ERROR, as to a socket with NETLINK_CAP_ACK; errno 0 acknowledges. */
export function errorMessage(sequence: number, portId: number, errno: number): Buffer {
  const payload = Buffer.alloc(20)
  payload.writeInt32LE(-errno, 0)
  return message(messageType.error, 0, sequence, portId, payload)
}

export function message(
  type: number,
  flags: number,
  sequence: number,
  portId: number,
  payload: Buffer,
): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + payload.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt32LE(sequence, 8)
  header.writeUInt32LE(portId, 12)
  return Buffer.concat([header, payload])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value, 0)
  return bytes
}
