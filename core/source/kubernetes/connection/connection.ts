import type { Readable } from 'node:stream'
import type { Clock } from '../../../time/clock.ts'
import type { ApiQuestion } from '../../cluster-source.ts'
import type { Credentials } from '../credentials/credentials.ts'
import type { Timings } from '../timings.ts'

export interface ApiRequest extends ApiQuestion {
  /** The header Accept. Default: JSON. */
  readonly accept?: string
  /** Whether the answer may come in gzip. */
  readonly gzip?: boolean
}

export interface ApiResponse {
  readonly status: number
  /** Lower case, without parameters; empty when the server didn't say. */
  readonly contentType: string
  /** Lower case: `gzip`, `identity`; empty when the server didn't say. */
  readonly contentEncoding: string
  /** The header `Retry-After`, where it gives a number of seconds. */
  readonly retryAfterMs: number | undefined
  /** Chunks of bytes. Throws when the connection breaks or the request's signal aborts. */
  readonly body: Readable
  /**
   * Once the body has ended: whether it was broken off, as when an HTTP/2 server is killed, of which its reader is told
   * nothing but the end. Absent: the body throws then.
   */
  readonly brokeOff?: () => boolean
  /** Stands for the TCP connection: the same object as long as the same server process answers. */
  readonly connection: object
}

/** A way to one API server with fixed credentials. */
export interface Connection {
  readonly protocol: 'h2' | 'http/1.1'
  /** False once no new request can be made; those under way may still be going on. */
  readonly usable: boolean
  /** Whether the server has stopped answering, for now or for ever. */
  readonly silent: boolean
  send(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse>
  /** Breaks all requests under way with this reason. */
  close(reason: Error): void
}

export interface ConnectionOptions {
  readonly credentials: Credentials
  readonly clock: Clock
  readonly timings: Timings
  /** Ends an attempt to connect that is under way. */
  readonly signal: AbortSignal
  /** `usable` has become false, or `silent` true. */
  readonly onTrouble: () => void
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

/** The headers that say what a request's body is, and what the answer's may be. */
export function bodyHeaders(
  { body, accept = 'application/json', gzip = false }: ApiRequest,
  { disableCompression = false }: Credentials,
): Record<string, string> {
  return {
    accept,
    ...(gzip && !disableCompression ? { 'accept-encoding': 'gzip' } : {}),
    ...(body === undefined
      ? {}
      : { 'content-type': body.contentType, 'content-length': String(Buffer.byteLength(body.text)) }),
  }
}

/** The coding of a Content-Encoding header; `gzip` also by its old name (RFC 9110, 8.4.1.3). */
export function contentEncoding(header: string | undefined): string {
  const coding = (header ?? '').trim().toLowerCase()
  return coding === 'x-gzip' ? 'gzip' : coding
}

/** Milliseconds of a Retry-After header; `undefined` for one that isn't a number of seconds. */
export function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) * 1000 : undefined
}
