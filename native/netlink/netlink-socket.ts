import { SystemCallError } from '../libc.ts'
import { type NetlinkChannel, type NetlinkSocketOptions, openNetlinkChannel } from './netlink-channel.ts'
import { NetlinkProtocolError, readWhole } from './netlink-protocol-error.ts'
import {
  messageFlag,
  messageType,
  type NetlinkAck,
  type NetlinkMessage,
  readAck,
  readDone,
  readMessage,
} from './netlink-reader.ts'

const headerBytes = 16
const lastSequenceNumber = 0xffff_ffff
/** No kernel's dump comes in larger datagrams: they grow to 32 KiB, or to what one message needs. */
const firstBufferBytes = 256 * 1024
const maxBufferBytes = 64 * 1024 * 1024
/** Datagrams that answer something else are passed over; so many are no leftovers any more. */
const maxStrays = 1000

/** What was sent and is being answered. Its messages have the numbers after `base`. */
interface Question {
  readonly base: number
  readonly messages: number
  readonly portId: number
  strays: number
}

/**
 * A long-lived netlink socket for questions and changes, one at a time. Calls are synchronous: the kernel does the work
 * of a request inside send(2), so an answer is there when it returns. Needs CAP_NET_ADMIN for requests that change
 * anything.
 *
 * Whatever is sent gets the next numbers of one sequence, and only what bears them, and this socket's port id, is taken
 * for its answer. When an answer isn't read to its end (a dump that was abandoned, a time-out, an overrun, an error), the
 * kernel's socket is closed and the next question opens another: nothing of the old answer can come out of that, and a
 * dump that still runs keeps no caller waiting (EBUSY).
 */
export class NetlinkSocket {
  readonly #openChannel: () => NetlinkChannel
  #channel: NetlinkChannel | undefined
  #closed = false
  /** The number that was given last. */
  #sequence: number
  /** The question whose answer isn't read to its end. */
  #question: Question | undefined
  /** Reused for every receive. */
  #buffer = Buffer.alloc(firstBufferBytes)

  /**
   * @param open makes the kernel's socket, at first and after an answer that wasn't read to its end
   * @param sequence the number that the first message's comes after
   * @throws SystemCallError when the kernel lacks the netlink family or refuses the socket
   */
  constructor(
    options: NetlinkSocketOptions,
    open: (options: NetlinkSocketOptions) => NetlinkChannel = openNetlinkChannel,
    sequence = 0,
  ) {
    this.#sequence = sequence
    this.#openChannel = () => open(options)
    this.#channel = this.#openChannel()
  }

  /**
   * Sends one batch and reads its answers up to that of `lastSequence`, or the first error's batch. Numbers the batch's
   * messages anew; those of the answers are their places in the batch, from 1, as a writer counts.
   *
   * @param lastSequence which message has asked for an acknowledgement
   * @returns every error the kernel named; none: all was done
   * @throws NetlinkProtocolError when it can't be told: the batch may have been applied or not
   */
  transact(batch: Buffer, lastSequence: number): NetlinkAck[] {
    const question = this.#send(batch)
    const errors: NetlinkAck[] = []
    for (let answered = false; !answered; ) {
      // A refused batch may answer with errors only; they are all queued by the time send(2) returns.
      const datagram = this.#receive(question, errors.length === 0)
      if (datagram === undefined) break
      for (const message of this.#answers(datagram, question)) {
        if (message.type !== messageType.error) continue
        const ack = relative(readAck(message), question)
        if (ack.errno !== 0) errors.push(ack)
        if (ack.sequence === lastSequence) answered = true
      }
    }
    this.#question = undefined
    return errors
  }

  /**
   * Sends a request that changes nothing and that one message answers; again, if the answer is lost.
   * @throws the error that `refused` makes of an error answer
   */
  ask(request: Buffer, refused: (ack: NetlinkAck) => Error): NetlinkMessage {
    return readWhole(() => this.#askOnce(request, refused))
  }

  #askOnce(request: Buffer, refused: (ack: NetlinkAck) => Error): NetlinkMessage {
    const question = this.#send(request)
    for (;;) {
      const datagram = this.#receive(question, true)
      if (datagram === undefined) continue
      for (const message of this.#answers(datagram, question)) {
        this.#question = undefined
        if (message.type !== messageType.error) return message
        const ack = relative(readAck(message), question)
        if (ack.errno !== 0) throw refused(ack)
        throw new NetlinkProtocolError('NETLINK_MALFORMED', 'an acknowledgement in place of an answer')
      }
    }
  }

  /**
   * Sends a dump request and yields its messages. The payloads are valid until the next step. Another question, also one
   * asked between two steps, ends the dump.
   *
   * @throws NetlinkProtocolError NETLINK_DUMP_INTERRUPTED: something changed meanwhile, ask again ({@link readWhole})
   * @throws the error that `refused` makes of an error answer, at the start or of a dump that was cut off
   */
  *dump(request: Buffer, refused: (ack: NetlinkAck) => Error): Generator<NetlinkMessage> {
    const question = this.#send(request)
    let interrupted = false
    try {
      for (;;) {
        const datagram = this.#receive(question, true)
        if (datagram === undefined) continue
        for (const message of this.#answers(datagram, question)) {
          if (message.flags & messageFlag.dumpInterrupted) interrupted = true
          const isEnd = message.type === messageType.done || message.type === messageType.error
          if (!isEnd) {
            yield message
            if (this.#question !== question) throw new NetlinkProtocolError('NETLINK_ABANDONED')
            continue
          }
          this.#question = undefined
          const end = relative(
            message.type === messageType.done ? readDone(message) : readAck(message),
            question,
          )
          if (end.errno !== 0) throw refused(end)
          if (interrupted) throw new NetlinkProtocolError('NETLINK_DUMP_INTERRUPTED')
          return
        }
      }
    } finally {
      if (this.#question === question) this.#discard()
    }
  }

  close(): void {
    this.#closed = true
    this.#discard()
  }

  #send(request: Buffer): Question {
    if (this.#closed) throw new NetlinkProtocolError('NETLINK_CLOSED')
    if (this.#question !== undefined) this.#discard()
    if (this.#sequence > lastSequenceNumber - request.length / headerBytes) {
      // Numbers that begin again must not meet answers to their first use.
      this.#discard()
      this.#sequence = 0
    }
    this.#channel ??= this.#openChannel()
    const base = this.#sequence
    const messages = numberMessages(request, base)
    this.#sequence += messages
    const question = { base, messages, portId: this.#channel.portId, strays: 0 }
    this.#question = question
    this.#channel.send(request)
    return question
  }

  /** @returns `undefined`: nothing is there, and it was not to wait */
  #receive(question: Question, wait: boolean): Buffer | undefined {
    if (this.#closed) throw new NetlinkProtocolError('NETLINK_CLOSED')
    if (this.#question !== question || this.#channel === undefined)
      throw new NetlinkProtocolError('NETLINK_ABANDONED')
    let length: number
    try {
      length = this.#channel.receive(this.#buffer, wait)
    } catch (error) {
      const code = error instanceof SystemCallError ? error.code : undefined
      if (code === 'EAGAIN' && !wait) return undefined
      if (code === 'EAGAIN') throw new NetlinkProtocolError('NETLINK_UNANSWERED')
      if (code === 'ENOBUFS') throw new NetlinkProtocolError('NETLINK_OVERRUN')
      throw error
    }
    if (length <= this.#buffer.length) return this.#buffer.subarray(0, length)
    const larger = Math.min(maxBufferBytes, length * 2)
    if (larger > this.#buffer.length) this.#buffer = Buffer.alloc(larger)
    throw new NetlinkProtocolError('NETLINK_TRUNCATED', `${length} bytes`)
  }

  /** The messages in a datagram that answer the question. */
  *#answers(datagram: Buffer, question: Question): Generator<NetlinkMessage> {
    let found = false
    for (let offset = 0; offset < datagram.length; ) {
      const message = readMessage(datagram, offset)
      if (message === undefined || (message.type === messageType.error && message.payload.length < 4))
        throw new NetlinkProtocolError(
          'NETLINK_MALFORMED',
          `${datagram.length} bytes, wrong from ${offset} on`,
        )
      offset += (headerBytes + message.payload.length + 3) & ~3
      if (message.type === messageType.overrun) throw new NetlinkProtocolError('NETLINK_OVERRUN')
      const place = message.sequence - question.base
      if (message.portId !== question.portId || place < 1 || place > question.messages) continue
      found = true
      if (message.type !== messageType.nothing) yield message
    }
    if (!found && ++question.strays > maxStrays) throw new NetlinkProtocolError('NETLINK_UNANSWERED')
  }

  /** Lets go of the kernel's socket with all that is still to come out of it. */
  #discard(): void {
    const channel = this.#channel
    this.#channel = undefined
    this.#question = undefined
    channel?.close()
  }
}

/** Gives the messages of a request the numbers after `base`. @returns how many there are */
function numberMessages(request: Buffer, base: number): number {
  let count = 0
  for (let offset = 0; offset < request.length; ) {
    const length = offset + headerBytes <= request.length ? request.readUInt32LE(offset) : 0
    if (length < headerBytes || offset + length > request.length)
      throw new RangeError(`a netlink request has no message at byte ${offset} of ${request.length}`)
    request.writeUInt32LE(base + ++count, offset + 8)
    offset += (length + 3) & ~3
  }
  return count
}

function relative(ack: NetlinkAck, { base }: Question): NetlinkAck {
  return { ...ack, sequence: ack.sequence - base }
}
