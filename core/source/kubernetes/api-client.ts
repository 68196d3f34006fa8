import { Readable } from 'node:stream'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../logger.ts'
import { readErrorBody } from './api-answer.ts'
import { ApiError } from './api-error.ts'
import type { ApiResponse, Connection } from './connection.ts'
import { type CredentialSource, type Credentials, fingerprint } from './credentials.ts'
import { openConnection } from './open-connection.ts'
import type { Timings } from './timings.ts'

export interface ApiClientOptions {
  readonly credentials: CredentialSource
  readonly clock: Clock
  readonly timings: Timings
  readonly logger: Logger
}

interface Link {
  readonly connection: Connection
  readonly identity: string
}

/**
 * GET requests to one API server over one long-lived connection, which is opened when needed, and opened anew when it
 * broke or when the credentials changed.
 */
export class ApiClient {
  readonly #options: ApiClientOptions
  #link: Link | undefined
  #opening: Promise<Link> | undefined
  #closed = false
  #callOffCheck = () => {}

  constructor(options: ApiClientOptions) {
    this.#options = options
    this.#checkLater()
  }

  /**
   * Resolves with the response's headers; the body follows. Throws {@link ApiError} when no answer came. A 401 is
   * answered once with fresh credentials, where there are any.
   */
  async get(path: string, signal: AbortSignal): Promise<ApiResponse> {
    const link = await orAborted(this.#open('routine'), signal)
    const response = await this.#request(link, path, signal)
    if (response.status !== 401) return response
    // Read now: an HTTP/2 stream that ended unread while credentials are fetched can't be read any more.
    const refused = { ...response, body: Readable.from([await readErrorBody(response)]) }
    const renewing = this.#link === link ? this.#renew(link) : this.#open('routine')
    const renewed = await orAborted(renewing, signal)
    if (renewed.identity === link.identity) return refused
    return this.#request(renewed, path, signal)
  }

  close(): void {
    this.#closed = true
    this.#callOffCheck()
    this.#link?.connection.close(new ApiError('API_UNREACHABLE', 'stopped'))
    this.#link = undefined
  }

  async #request(link: Link, path: string, signal: AbortSignal): Promise<ApiResponse> {
    const { clock, timings } = this.#options
    const late = new AbortController()
    const callOff = clock.after(timings.responseTimeoutMs, () =>
      late.abort(new ApiError('API_SILENT', `GET ${path} was not answered in time`)),
    )
    try {
      return await link.connection.get(path, AbortSignal.any([signal, late.signal]))
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error
    } finally {
      callOff()
    }
  }

  /** The connection that is open, or a new one; callers that come together share it. */
  #open(why: 'routine' | 'refused'): Promise<Link> {
    if (this.#link?.connection.usable) return Promise.resolve(this.#link)
    this.#opening ??= this.#connect(why).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #connect(why: 'routine' | 'refused'): Promise<Link> {
    const credentials = await this.#read(why)
    const link = await this.#linkTo(credentials)
    if (this.#closed) {
      link.connection.close(new ApiError('API_UNREACHABLE', 'stopped'))
      throw new ApiError('API_UNREACHABLE', 'stopped')
    }
    this.#link = link
    return link
  }

  async #linkTo(credentials: Credentials): Promise<Link> {
    const { clock, timings, logger } = this.#options
    const connection = await openConnection({ credentials, clock, timings })
    logger.debug({ server: credentials.server.href, protocol: connection.protocol }, 'connected')
    return { connection, identity: fingerprint(credentials) }
  }

  /** After a 401: a connection with fresh credentials, or the same one if there are no others. */
  #renew(refused: Link): Promise<Link> {
    this.#opening ??= this.#replace(refused, 'refused').finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #replace(old: Link, why: 'routine' | 'refused'): Promise<Link> {
    const credentials = await this.#read(why)
    if (fingerprint(credentials) === old.identity) return old
    const link = await this.#linkTo(credentials)
    this.#link = link
    old.connection.close(new ApiError('API_CREDENTIALS_CHANGED', 'token or certificate was replaced'))
    return link
  }

  async #read(why: 'routine' | 'refused'): Promise<Credentials> {
    try {
      return await this.#options.credentials.read(why)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new ApiError('API_CREDENTIALS', `cannot read credentials: ${message}`, { cause: error })
    }
  }

  #checkLater(): void {
    const { clock, timings, logger } = this.#options
    this.#callOffCheck = clock.after(timings.credentialCheckMs, () => {
      const link = this.#link
      const checked =
        link?.connection.usable && this.#opening === undefined
          ? this.#replace(link, 'routine')
          : Promise.resolve()
      checked
        .catch((error: Error) => logger.warn({ error: error.message }, 'cannot renew the credentials'))
        .finally(() => {
          if (!this.#closed) this.#checkLater()
        })
    })
  }
}

/** Connecting is shared by several requests, so an aborted one only stops waiting for it. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
