import type * as http from 'node:http'
import type * as http2 from 'node:http2'

/** A request and the answer to it, the same for HTTP/1.1 and HTTP/2. */
export type Request = http.IncomingMessage | http2.Http2ServerRequest

export interface Reply {
  writeHead(status: number, headers: Record<string, string>): unknown
  setHeader(name: string, value: string): unknown
  write(chunk: Buffer | string): boolean
  end(): unknown
  end(chunk: Buffer | string): unknown
  once(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
}

/** Pieces are joined up to this many bytes, because every write costs more than the bytes in it. */
const writeBytes = 256 << 10

/** Writes one answer, joined into large pieces, no faster than the client reads. */
export class ReplyWriter {
  readonly #reply: Reply
  #closed = false

  constructor(reply: Reply) {
    this.#reply = reply
    reply.once('close', () => {
      this.#closed = true
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Resolves once the client may be sent more, or is gone. */
  async writeAll(pieces: Iterable<Buffer>): Promise<void> {
    let pending: Buffer[] = []
    let bytes = 0
    for (const piece of pieces) {
      pending.push(piece)
      bytes += piece.length
      if (bytes < writeBytes) continue
      await this.write(Buffer.concat(pending))
      if (this.#closed) return
      pending = []
      bytes = 0
    }
    if (bytes > 0) await this.write(Buffer.concat(pending))
  }

  async write(chunk: Buffer | string): Promise<void> {
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

export function answerJson(
  reply: Reply,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply.writeHead(status, { ...headers, 'content-type': 'application/json' })
  reply.end(`${JSON.stringify(value)}\n`)
}
