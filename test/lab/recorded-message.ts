/**
 * What recording sockets and servers say to each other: a line of JSON that says how many bytes follow it, and those
 * bytes, a pattern made of the line's tag, so that the receiver can tell whether they are whole.
 */
import type { SocketAddress } from './host-calls.ts'

export interface Message {
  /** Names the message; its answer bears the same. */
  readonly tag: string
  /** Bytes of the pattern. */
  readonly bytes: number
  /** Asks a TCP server to close the connection once it has answered. */
  readonly thenClose?: true
  /** Only of an answer: who gives it, at which of its addresses, and from where the question came. */
  readonly by?: Answerer
}

export interface Answerer {
  readonly host: string
  readonly at: SocketAddress
  readonly saw: SocketAddress
}

/** A message as it arrived. */
export interface ReadMessage extends Message {
  /** Whether the pattern is what was sent. */
  readonly intact: boolean
}

export function encodeMessage(message: Message): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), pattern(message)])
}

/** Takes whole messages off a stream of bytes. */
export class MessageReader {
  #held: Buffer = Buffer.alloc(0)

  /** @throws SyntaxError for bytes that another program sent */
  read(data: Buffer): ReadMessage[] {
    this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data])
    const messages: ReadMessage[] = []
    for (;;) {
      const end = this.#held.indexOf('\n')
      if (end < 0) return messages
      const message = JSON.parse(this.#held.toString('utf8', 0, end)) as Message
      const whole = end + 1 + message.bytes
      if (this.#held.length < whole) return messages
      const intact = this.#held.subarray(end + 1, whole).equals(pattern(message))
      messages.push({ ...message, intact })
      this.#held = this.#held.subarray(whole)
    }
  }
}

/** One datagram is one message; `undefined`: of an unknown sender. */
export function readDatagram(data: Buffer): ReadMessage | undefined {
  try {
    return new MessageReader().read(data)[0]
  } catch {
    return undefined
  }
}

function pattern({ tag, bytes }: Message): Buffer {
  return Buffer.alloc(bytes, `${tag};`)
}
