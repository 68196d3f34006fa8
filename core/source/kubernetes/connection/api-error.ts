import { CodedError } from '../../../error/coded-error.ts'

export interface ApiErrorOptions {
  readonly status?: number
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Codes of {@link ApiError}: when it happens, and the fix. */
export const apiErrorCodes = {
  API_UNREACHABLE: {
    when: 'no connection to the API server, or it broke',
    fix: 'check address, network and firewall; the address must not be a ClusterIP that this node serves',
  },
  API_SILENT: {
    when: 'connected, but the API server answers nothing, not even a ping',
    fix: 'check the network to it and its load; another connection is tried',
  },
  API_STATUS: {
    when: 'an HTTP status or an ERROR event refused the request',
    fix: '401: renew the token or certificate; 403: grant list and watch; 5xx: look at the API server',
  },
  API_EXPIRED: {
    when: '410: the resourceVersion asked for has been compacted away',
    fix: 'nothing: the list is read again',
  },
  API_NOT_JSON: {
    when: "the answer is not an API server's: HTML, plain text, another form than JSON or protobuf",
    fix: "check that the address is the API server's and not that of a proxy or load balancer page",
  },
  API_MALFORMED: {
    when: 'the answer claims to be JSON but is cut off or garbled, or longer than any list can be',
    fix: 'check proxies between this node and the API server; the request is repeated',
  },
  API_GZIP: {
    when: 'an answer in gzip is cut off or garbled',
    fix: 'nothing: the resource is asked for without gzip from now on; look at proxies before the API server',
  },
  API_PROTOBUF: {
    when: 'an answer in protobuf is damaged, or holds what the API is not known to',
    fix: 'nothing: the resource is asked for in JSON from now on; look at proxies before the API server',
  },
  API_VERSION_WENT_BACK: {
    when: "the server's resourceVersion is lower than before: its etcd was restored from a backup, or it lags",
    fix: 'nothing: the list is read again',
  },
  API_CONNECTION_REPLACED: {
    when: "another connection takes this one's place, by our decision or at the server's request",
    fix: 'nothing: the watch goes on there',
  },
  API_TLS: {
    when: "TLS failed: the server's certificate is not trusted, or the server refuses ours",
    fix: 'check certificate-authority-data, the server name and the client certificate of the kubeconfig',
  },
  API_CREDENTIALS: {
    when: 'a token, certificate or exec plugin cannot be read',
    fix: 'check the file or plugin that the message names; it is retried',
  },
} as const

export type ApiErrorCode = keyof typeof apiErrorCodes

/** Why talking to the API server failed. Every one of them is retried. */
export class ApiError extends CodedError<ApiErrorCode> {
  /** The HTTP status, or the code of an ERROR event. */
  readonly status: number | undefined
  /** For how long the server wants not to be asked again, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(code: ApiErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(code, message, undefined, { cause: options.cause })
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
