import type * as http from 'node:http'
import type * as http2 from 'node:http2'
import { type Form, mediaTypes } from './media-type.ts'
import { encodeStatus } from './protobuf/encode.ts'

/** A request and the answer to it, the same for HTTP/1.1 and HTTP/2. */
export type Request = http.IncomingMessage | http2.Http2ServerRequest

export interface Reply {
  /** Of HTTP/1.1: whether the client has gone. */
  readonly destroyed?: boolean
  /** The same of HTTP/2. */
  readonly stream?: { readonly destroyed: boolean }
  writeHead(status: number, headers: Record<string, string>): unknown
  setHeader(name: string, value: string): unknown
  write(chunk: Uint8Array | string): boolean
  end(): unknown
  end(chunk: Buffer | string): unknown
  once(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** Pieces are joined up to this many bytes, because every write costs more than the bytes in it. */
const writeBytes = 256 << 10

/** The same bytes in fewer pieces. */
export function* joined(pieces: Iterable<Buffer>): Generator<Buffer> {
  let pending: Buffer[] = []
  let bytes = 0
  for (const piece of pieces) {
    pending.push(piece)
    bytes += piece.length
    if (bytes < writeBytes) continue
    yield Buffer.concat(pending)
    pending = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(pending)
}

/** Writes one answer, joined into large pieces, no faster than the client reads. */
export class ReplyWriter {
  readonly #reply: Reply
  #closed = false

  constructor(reply: Reply) {
    this.#reply = reply
    // Of a client that has gone already nothing more is told.
    this.#closed = reply.stream?.destroyed ?? reply.destroyed ?? false
    reply.once('close', () => {
      this.#closed = true
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Resolves once the client may be sent more, or is gone. */
  async writeAll(pieces: Iterable<Buffer>): Promise<void> {
    for (const piece of joined(pieces)) {
      await this.write(piece)
      if (this.#closed) return
    }
  }

  async write(chunk: Uint8Array | string): Promise<void> {
    if (this.#closed || this.#reply.write(chunk)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#reply.off('drain', done)
        this.#reply.off('close', done)
        resolve()
      }
      this.#reply.once('drain', done)
      this.#reply.once('close', done)
    })
  }

  end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#reply.end()
  }
}

/** A `Status`, in the form that the client asked for. */
export function answerStatus(
  reply: Reply,
  form: Form,
  code: number,
  status: object,
  headers: Readonly<Record<string, string>>,
): void {
  if (form === 'json') answerJson(reply, code, status, headers)
  else {
    reply.writeHead(code, { ...headers, 'content-type': mediaTypes.protobuf })
    reply.end(encodeStatus(status))
  }
}

export function answerJson(
  reply: Reply,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply.writeHead(status, { ...headers, 'content-type': 'application/json' })
  reply.end(`${JSON.stringify(value)}\n`)
}
