export type ApiErrorCode =
  /** No connection, or it broke. */
  | 'API_UNREACHABLE'
  /** Connected, but nothing is answered. */
  | 'API_SILENT'
  /** An answer with an HTTP status, or an ERROR event with a code, that says no. */
  | 'API_STATUS'
  /** 410: the asked-for resourceVersion has been compacted away. */
  | 'API_EXPIRED'
  /** Not an API server's answer: HTML, plain text. */
  | 'API_NOT_JSON'
  /** Said to be JSON, but cut off or garbled. */
  | 'API_MALFORMED'
  /** The server's resourceVersion is lower than one it gave before: its etcd was restored from a backup. */
  | 'API_VERSION_WENT_BACK'
  /** The server doesn't do watch-lists, or this one ended early. */
  | 'API_NO_WATCH_LIST'
  /** Another connection takes this one's place: our own doing, or the server has asked for it. */
  | 'API_CONNECTION_REPLACED'
  /** TLS has failed: the server's certificate isn't believed, or the server refuses ours. */
  | 'API_TLS'
  /** Token, certificate or exec plugin can't be read. */
  | 'API_CREDENTIALS'

export interface ApiErrorOptions {
  readonly status?: number
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Why talking to the API server failed. Every one of them is retried. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  /** The HTTP status, or the code of an ERROR event. */
  readonly status: number | undefined
  /** For how long the server wants not to be asked again, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(code: ApiErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'ApiError'
    this.code = code
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Any failure as an {@link ApiError}: what Node's sockets and streams throw means that the connection broke. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof Error && error.cause instanceof ApiError) return error.cause
  const message = error instanceof Error ? error.message : String(error)
  return new ApiError('API_UNREACHABLE', `the connection broke: ${message}`, { cause: error })
}

/** The first characters of an answer, on one line, for an error message. */
export function excerpt(text: string, length = 80): string {
  const line = text
    .slice(0, length * 2)
    .replaceAll(/\s+/g, ' ')
    .trim()
  return JSON.stringify(line.length > length ? `${line.slice(0, length)}…` : line)
}
