import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { SocketAddress } from '../config/socket-address.ts'
import { familyOf } from '../network/address.ts'
import { AnswerTurns } from './answer-turns.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import { type HttpAnswer, type HttpHandler, textAnswer } from './http-answer.ts'

export interface HttpListenerOptions {
  readonly handler: HttpHandler
  /** Shared with others, or of this listener alone. */
  readonly connections: ConnectionBudget
  /** What the handler threw. */
  readonly onFault: (error: unknown) => void
}

/** Bytes of a request's line and headers, at most. */
const maxHeaderSize = 8192

/** Milliseconds. */
const timeouts = {
  /** For a whole request to arrive. */
  request: 10_000,
  /** Between two requests on a connection. */
  keepAlive: 30_000,
  /** Without a byte either way, whatever is under way: a client that doesn't read its answer, a handler that hangs. */
  silence: 60_000,
  /** Between two looks at the first of them. */
  checking: 15_000,
}

/**
 * HTTP/1.1 on one address, for clients that only read: GET and HEAD, small requests, no bodies. Every limit is on, because
 * its clients may be anybody.
 */
export class HttpListener {
  readonly #options: HttpListenerOptions
  readonly #server: Server
  readonly #turns = new AnswerTurns()

  constructor(options: HttpListenerOptions) {
    this.#options = options
    this.#server = createServer(
      {
        maxHeaderSize,
        headersTimeout: timeouts.request,
        requestTimeout: timeouts.request,
        keepAliveTimeout: timeouts.keepAlive,
        connectionsCheckingInterval: timeouts.checking,
      },
      (request, response) =>
        this.#turns.take(request.socket, response, () => void this.#answer(request, response)),
    )
    this.#server.timeout = timeouts.silence
    this.#server.on('connection', (socket) => options.connections.take(socket))
    // A connection that can't be accepted, as without a file descriptor, is its client's loss; the next one may be.
    this.#server.on('error', () => {})
  }

  /**
   * Begins to listen; gives where, which differs from `address` for port 0 alone. `0.0.0.0` and `::` are the addresses of
   * their own family. May be called again after it failed, and after `close`.
   *
   * @throws the system's error, with its `code`: EADDRINUSE, EACCES, EADDRNOTAVAIL, EMFILE, ...
   */
  listen({ address, port }: SocketAddress): Promise<SocketAddress> {
    const server = this.#server
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        server.off('listening', listening)
        reject(error)
      }
      const listening = (): void => {
        server.off('error', failed)
        const bound = server.address()
        resolve({ address, port: typeof bound === 'object' && bound !== null ? bound.port : port })
      }
      server.once('error', failed)
      server.once('listening', listening)
      server.listen({ host: address, port, ipv6Only: familyOf(address) === 'IPv6' })
    })
  }

  /** Ends open connections too. Resolves when the address is free again. */
  async close(): Promise<void> {
    const server = this.#server
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0'
    // What else is sent of it is nobody's.
    if (hasBody) response.shouldKeepAlive = false
    const { status, headers, body } = await this.#handle(request)
    try {
      response.writeHead(status, {
        'X-Content-Type-Options': 'nosniff',
        ...headers,
        'Content-Length': Buffer.byteLength(body),
      })
      response.end(body)
    } catch (error) {
      this.#options.onFault(error)
      response.destroy()
    }
  }

  async #handle({ method, url = '/', headers }: IncomingMessage): Promise<HttpAnswer> {
    if (method !== 'GET' && method !== 'HEAD')
      return textAnswer(405, 'only GET and HEAD\n', { Allow: 'GET, HEAD' })
    const [path = '', ...rest] = url.split('?')
    try {
      return await this.#options.handler({
        method,
        path,
        query: new URLSearchParams(rest.join('?')),
        headers,
      })
    } catch (error) {
      this.#options.onFault(error)
      return textAnswer(500, 'internal error; the log has it\n')
    }
  }
}
