import { Readable } from 'node:stream'
import type { ApiObserver } from '../api-observer.ts'
import { ApiError } from '../connection/api-error.ts'
import { ChildAbort } from '../connection/child-abort.ts'
import type { ApiRequest, ApiResponse } from '../connection/connection.ts'
import { type Link, ServerLink, type ServerLinkOptions } from '../connection/server-link.ts'
import { readErrorBody } from './api-answer.ts'

export interface ApiClientOptions extends ServerLinkOptions {
  readonly observer?: ApiObserver
}

/**
 * Requests to one API server over one long-lived connection, which is opened when needed, and opened anew when it
 * broke or when the credentials changed.
 */
export class ApiClient {
  readonly #options: ApiClientOptions
  readonly #link: ServerLink
  #closed = false
  #cancelCheck = () => {}

  constructor(options: ApiClientOptions) {
    this.#options = options
    this.#link = new ServerLink(options)
    this.#checkLater()
  }

  /** Whether there is a connection; without one, requests wait for the next attempt to get one. */
  get isOpen(): boolean {
    return this.#link.current !== undefined
  }

  /**
   * Resolves with the response's headers; the body follows. Throws {@link ApiError} when no answer came. A 401 is
   * answered once with fresh credentials, where there are any.
   */
  async send(request: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const link = await orAborted(this.#link.open(), signal)
    const response = await this.#request(link, request, signal)
    if (response.status !== 401) return response
    // Read now: an HTTP/2 stream that ended unread while credentials are fetched can't be read any more.
    const body = Readable.from([await readErrorBody(response)])
    const refused = { ...response, contentEncoding: '', body }
    const renewed = await orAborted(this.#link.renew(link, 'refused'), signal)
    if (renewed.identity === link.identity) return refused
    return this.#request(renewed, request, signal)
  }

  get(path: string, form: Pick<ApiRequest, 'accept' | 'gzip'>, signal: AbortSignal): Promise<ApiResponse> {
    return this.send({ method: 'GET', path, ...form }, signal)
  }

  close(): void {
    this.#closed = true
    this.#cancelCheck()
    this.#link.close()
  }

  async #request(link: Link, asked: ApiRequest, signal: AbortSignal): Promise<ApiResponse> {
    const { clock, timings, observer } = this.#options
    const { method, path } = asked
    const { host } = link
    const begun = clock.now()
    const request = new ChildAbort(signal)
    const cancel = clock.after(timings.responseTimeoutMs, () =>
      request.abort(new ApiError('API_SILENT', `${asked.method} ${asked.path} was not answered in time`)),
    )
    try {
      const response = await link.connection.send(asked, request.signal)
      // Until then it ends the answer that is being read.
      response.body.once('close', () => request.detach())
      observer?.onRequest?.({ method, host, status: response.status })
      const done = () => observer?.onAnswer?.({ method, host, seconds: (clock.now() - begun) / 1000 })
      if (isWatch(path)) done()
      else response.body.once('close', done)
      return response
    } catch (error) {
      request.detach()
      observer?.onRequest?.({ method, host })
      throw request.reasonOf(error)
    } finally {
      cancel()
    }
  }

  #checkLater(): void {
    const { clock, timings, logger } = this.#options
    this.#cancelCheck = clock.after(timings.credentialCheckMs, () => {
      const link = this.#link.current
      const checked = link === undefined ? Promise.resolve() : this.#link.renew(link, 'routine')
      checked
        .catch((error: Error) =>
          logger.warn(
            { event: 'credentials-unreadable', error: error.message },
            'cannot renew the credentials',
          ),
        )
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

/** An answer that lasts as long as the server likes: how long says nothing. */
function isWatch(path: string): boolean {
  return /[?&]watch=/.test(path)
}
