import type { Readable } from 'node:stream'
import * as tls from 'node:tls'
import type { Clock } from '../../clock.ts'
import { ApiError } from './api-error.ts'
import type { Credentials } from './credentials.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2-connection.ts'
import type { Timings } from './timings.ts'

export interface ApiResponse {
  readonly status: number
  /** Lower case, without parameters; empty when the server didn't say. */
  readonly contentType: string
  /** Chunks of bytes. Throws when the connection breaks or the request's signal aborts. */
  readonly body: Readable
  /** Stands for the TCP connection: the same object as long as the same server process answers. */
  readonly connection: object
}

/** A way to one API server with fixed credentials. */
export interface Connection {
  readonly protocol: 'h2' | 'http/1.1'
  /** False once no new request can be made; those under way may still be going on. */
  readonly usable: boolean
  get(path: string, signal: AbortSignal): Promise<ApiResponse>
  /** Breaks all requests under way with this reason. */
  close(reason: Error): void
}

export interface ConnectionOptions {
  readonly credentials: Credentials
  readonly clock: Clock
  readonly timings: Timings
}

/**
 * Opens HTTP/2 where the server offers it in the TLS handshake, else HTTP/1.1.
 * Throws {@link ApiError} `API_UNREACHABLE` or `API_SILENT`.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  if (options.credentials.server.protocol === 'http:') return new Http1Connection(options)
  const socket = await handshake(options)
  if (socket.alpnProtocol === 'h2') return new Http2Connection(options, socket)
  socket.destroy()
  return new Http1Connection(options)
}

function handshake({ credentials, clock, timings }: ConnectionOptions): Promise<tls.TLSSocket> {
  const { server } = credentials
  const address = addressOf(server)
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...address, ...credentials.tls, ALPNProtocols: ['h2', 'http/1.1'] })
    const fail = (error: Error) => {
      callOff()
      socket.destroy()
      reject(error)
    }
    const callOff = clock.after(timings.connectTimeoutMs, () =>
      fail(new ApiError('API_SILENT', `${server.origin} did not finish a TLS handshake in time`)),
    )
    const onError = (error: Error) =>
      fail(
        new ApiError('API_UNREACHABLE', `cannot connect to ${server.origin}: ${reasonOf(error)}`, {
          cause: error,
        }),
      )
    socket.once('error', onError)
    socket.once('secureConnect', () => {
      callOff()
      socket.off('error', onError)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** A name with several addresses fails with one error for each, in an error without a message. */
function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message
  return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}

/** Host and port to connect to; IPv6 literals without their brackets. */
export function addressOf(server: URL): { host: string; port: number } {
  const port = server.port === '' ? (server.protocol === 'http:' ? 80 : 443) : Number(server.port)
  return { host: server.hostname.replace(/^\[(.*)\]$/, '$1'), port }
}

/** The media type of a Content-Type header. */
export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** A server may live below a path (`https://host/k8s/clusters/c-1`). */
export function pathOn(server: URL, path: string): string {
  return server.pathname === '/' ? path : server.pathname.replace(/\/+$/, '') + path
}
