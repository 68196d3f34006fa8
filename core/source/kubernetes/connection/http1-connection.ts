import * as http from 'node:http'
import * as https from 'node:https'
import type { Socket } from 'node:net'
import { ChildAbort } from './child-abort.ts'
import type { ApiRequest, ApiResponse, Connection, ConnectionOptions } from './connection.ts'
import { addressOf, bodyHeaders, contentEncoding, mediaType, pathOn, retryAfterMs } from './connection.ts'
import { startHeartbeat } from './heartbeat.ts'

/** Any server answers it. */
const version: ApiRequest = { method: 'GET', path: '/version' }

/**
 * For servers without HTTP/2 and for plain http: a kept-alive TCP connection per request under way. HTTP/1.1 has no
 * ping, so a quiet server is asked for `/version` beside the watches; any answer is a sign of life.
 *
 * That asks the server's address, not the very process behind a watch: of several servers behind one load balancer, a
 * single frozen one is noticed by the watch's own time limit only.
 *
 * Once a request can't be made the connection isn't usable any more, but answers under way go on until another
 * connection takes its place: the server behind them may be another one.
 */
export class Http1Connection implements Connection {
  readonly protocol = 'http/1.1'
  readonly #options: ConnectionOptions
  readonly #agent: http.Agent
  readonly #sockets = new Set<Socket>()
  readonly #answers = new Set<http.IncomingMessage>()
  readonly #stopHeartbeat: () => void
  #closedBy: Error | undefined
  #refused = false
  #silent = false
  /** Of sockets that are gone; keeps the count from going backwards. */
  #bytesOfClosed = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { server, tls } = options.credentials
    this.#agent =
      server.protocol === 'http:'
        ? new http.Agent({ keepAlive: true })
        : new https.Agent({ keepAlive: true, ...tls })
    this.#stopHeartbeat = startHeartbeat({
      clock: options.clock,
      timings: options.timings,
      bytesReceived: () => this.#bytesReceived(),
      ask: (answered) => this.#askVersion(answered),
      onIdle: () => {
        this.#silent = true
        options.onTrouble()
      },
      onSpeech: () => {
        this.#silent = false
      },
    })
  }

  get usable(): boolean {
    return this.#closedBy === undefined && !this.#refused
  }

  get silent(): boolean {
    return this.#silent
  }

  /** Resolves once the server has answered anything at all. Throws what the request failed by. */
  async answers(): Promise<void> {
    const { clock, timings, signal } = this.#options
    using late = new ChildAbort(signal)
    const cancel = clock.after(timings.connectTimeoutMs, () => late.abort())
    try {
      const answer = await this.send(version, late.signal)
      answer.body.resume()
    } finally {
      cancel()
    }
  }

  send(asked: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const { method, path, body } = asked
    // The agent would open a socket that nothing closes.
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy)
    const { credentials } = this.#options
    const { server, headers } = credentials
    const request = (server.protocol === 'http:' ? http : https).request({
      ...addressOf(server),
      agent: this.#agent,
      method,
      path: pathOn(server, path),
      headers: { ...headers, ...bodyHeaders(asked, credentials) },
      signal,
    })
    request.once('socket', (socket) => this.#keep(socket))
    return new Promise((resolve, reject) => {
      request.on('error', (error) => {
        if (!signal.aborted) this.#refuse()
        reject(this.#closedBy ?? error)
      })
      request.once('response', (answer) => {
        this.#answers.add(answer)
        // A reader gets the error; without a reader and without a listener it would end the process.
        answer.on('error', () => {})
        answer.once('close', () => this.#answers.delete(answer))
        resolve({
          status: answer.statusCode ?? 0,
          contentType: mediaType(answer.headers['content-type']),
          contentEncoding: contentEncoding(answer.headers['content-encoding']),
          retryAfterMs: retryAfterMs(answer.headers['retry-after']),
          body: answer,
          connection: answer.socket,
        })
      })
      request.end(body?.text)
    })
  }

  close(reason: Error): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = reason
    this.#stopHeartbeat()
    // Answers first: from their socket they would only hear that it was aborted.
    for (const answer of this.#answers) answer.destroy(reason)
    for (const socket of this.#sockets) socket.destroy(reason)
    this.#agent.destroy()
  }

  #keep(socket: Socket): void {
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#bytesOfClosed += socket.bytesRead
    })
  }

  #bytesReceived(): number {
    let bytes = this.#bytesOfClosed
    for (const socket of this.#sockets) bytes += socket.bytesRead
    return bytes
  }

  #refuse(): void {
    if (!this.usable) return
    this.#refused = true
    this.#options.onTrouble()
  }

  #askVersion(answered: () => void): void {
    const { clock, timings } = this.#options
    const late = new AbortController()
    const cancel = clock.after(timings.heartbeatTimeoutMs, () => late.abort())
    this.send(version, late.signal).then(
      (answer) => {
        cancel()
        answer.body.resume()
        answered()
      },
      // Unanswered; what follows from that is the heartbeat's to say.
      cancel,
    )
  }
}
