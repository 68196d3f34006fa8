import * as http2 from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { ApiError } from './api-error.ts'
import type { ApiRequest, ApiResponse, Connection, ConnectionOptions } from './connection.ts'
import { bodyHeaders, contentEncoding, mediaType, pathOn, retryAfterMs } from './connection.ts'
import { startHeartbeat } from './heartbeat.ts'

/** Bytes a stream and the whole connection may have under way: the protocol's 64 KiB would stall a large list. */
const streamWindowBytes = 1 << 20
const connectionWindowBytes = 4 << 20

/** All requests over one TCP connection; a PING tells a quiet server from a frozen one. */
export class Http2Connection implements Connection {
  readonly protocol = 'h2'
  readonly #session: http2.ClientHttp2Session
  readonly #socket: TLSSocket
  readonly #options: ConnectionOptions
  #closedBy: Error | undefined
  #goneAway = false
  #silent = false
  /** Whether a PING is under way: one is enough, however long it takes. */
  #asking = false

  constructor(options: ConnectionOptions, socket: TLSSocket) {
    this.#options = options
    this.#socket = socket
    const session = http2.connect(options.credentials.server.origin, {
      createConnection: () => socket,
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    })
    this.#session = session
    session.once('connect', () => {
      // It may have been stopped before it was ready.
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes)
    })
    // The streams report it, too; a session's own error event without a listener would end the process.
    session.on('error', (error) => {
      this.#closedBy ??= error
    })
    const stopHeartbeat = startHeartbeat({
      clock: options.clock,
      timings: options.timings,
      bytesReceived: () => socket.bytesRead,
      ask: (answered) => this.#ping(answered),
      onIdle: () => {
        this.#silent = true
        options.onTrouble()
      },
      onSpeech: () => {
        this.#silent = false
      },
    })
    // A server that says GOAWAY is left before it closes.
    const leave = () => {
      if (this.#goneAway) return
      this.#goneAway = true
      options.onTrouble()
    }
    session.once('goaway', leave)
    session.once('close', () => {
      stopHeartbeat()
      leave()
    })
  }

  /** A server that says GOAWAY lets open streams finish and takes no new ones. */
  get usable(): boolean {
    return !this.#goneAway && !this.#session.closed && !this.#session.destroyed
  }

  get silent(): boolean {
    return this.#silent
  }

  send(asked: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const { method, path, body } = asked
    const { credentials } = this.#options
    const { server, headers } = credentials
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(
        {
          ...headers,
          ...bodyHeaders(asked, credentials),
          ':method': method,
          ':path': pathOn(server, path),
        },
        { signal, endStream: body === undefined },
      )
      if (body !== undefined) stream.end(body.text)
      let brokeOff = false
      stream.once('end', () => {
        brokeOff = stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR
      })
      stream.once('response', (answer) =>
        resolve({
          status: answer[':status'] ?? 0,
          contentType: mediaType(answer['content-type']),
          contentEncoding: contentEncoding(answer['content-encoding']),
          retryAfterMs: retryAfterMs(answer['retry-after']),
          body: stream,
          brokeOff: () => brokeOff,
          connection: this.#session,
        }),
      )
      // Stays for the life of the stream: an error between two reads must not end the process.
      stream.on('error', (error) => {
        // A request that crosses with GOAWAY hasn't been looked at: it is one for the next connection.
        const refused = stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM
        if (refused) setImmediate(() => reject(this.usable ? error : sentAway()))
        else reject(this.#closedBy ?? error)
      })
      stream.once('close', () => {
        const unanswered = () => new ApiError('API_UNREACHABLE', 'the server closed the stream unanswered')
        if (stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM) reject(this.#closedBy ?? unanswered())
      })
    })
  }

  close(reason: Error): void {
    this.#closedBy ??= reason
    this.#session.destroy(reason)
    // After a GOAWAY the session waits for the server to close, which one that is frozen never does.
    this.#socket.destroy()
  }

  #ping(answered: () => void): void {
    if (this.#asking || this.#session.destroyed) return
    this.#asking = this.#session.ping((error) => {
      this.#asking = false
      if (error === null) answered()
    })
  }
}

function sentAway(): ApiError {
  return new ApiError(
    'API_CONNECTION_REPLACED',
    'the server has sent its clients to another connection (GOAWAY)',
  )
}
