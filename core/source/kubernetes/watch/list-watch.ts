import type { ClusterRecord } from '../../../cluster/records.ts'
import type { Logger } from '../../../log/logger.ts'
import type { Clock } from '../../../time/clock.ts'
import { ApiError, asApiError } from '../connection/api-error.ts'
import { ChildAbort } from '../connection/child-abort.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { type AnswerForms, acceptHeaders } from '../requests/answer-form.ts'
import { expectObjects } from '../requests/api-answer.ts'
import type { ApiClient } from '../requests/api-client.ts'
import { endsInitialEvents, resourceVersionOf } from '../requests/api-object.ts'
import { readEventStream } from '../requests/event-stream.ts'
import { listPages } from '../requests/list-pages.ts'
import { type Query, type Resource, requestPath } from '../requests/resource.ts'
import { isOlder } from '../requests/resource-version.ts'
import type { ObjectEvent } from '../requests/watch-event.ts'
import type { Timings } from '../timings.ts'
import type { Delivery } from './delivery.ts'
import { checkHistory, type LastEvent, wentBack } from './history-check.ts'
import { IdleTimeout } from './idle-timeout.ts'
import { readList } from './read-list.ts'

export interface ListWatchOptions<R extends ClusterRecord> {
  readonly resource: Resource<R>
  readonly client: ApiClient
  readonly delivery: Delivery<R>
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  readonly logger: Logger
  /** In which forms answers are asked for. */
  readonly forms: AnswerForms
  /** The server has accepted a request for a list or a watch. */
  readonly onAccepted: () => void
  /** A list is complete, or an event has been delivered. */
  readonly onProgress: () => void
}

/**
 * Lists and watches one resource: by watch-list (KEP-3157), or in pages where that fails. It keeps up to where
 * everything has been delivered, so that the next attempt goes on from there.
 */
export class ListWatch<R extends ClusterRecord> {
  readonly #options: ListWatchOptions<R>
  /** Up to which everything has been delivered; `undefined`: a list is needed. */
  #version: string | undefined
  /** The object of the last event since the list. */
  #last: LastEvent | undefined
  /** Through which the last list came. */
  #listedBy: object | undefined
  /** The connection on which a watch-list failed and pages did not. */
  #pagesOnly: object | undefined
  #withFieldSelector = true
  #forms: AnswerForms

  constructor(options: ListWatchOptions<R>) {
    this.#options = options
    this.#forms = options.forms
  }

  /** Up to which everything has been delivered; `undefined`: a list is needed, and under way or due. */
  get version(): string | undefined {
    return this.#version
  }

  /** The next attempt lists. */
  relist(): void {
    this.#version = undefined
  }

  /** The server has another history: the next attempt lists, and objects of known versions are delivered again. */
  distrust(): void {
    this.#version = undefined
    this.#options.delivery.forgetVersions()
  }

  /** From now on without the field selector, which the server may not know; false: it wasn't there or is needed. */
  dropFieldSelector(): boolean {
    if (!this.#options.resource.fieldSelectorOptional || !this.#withFieldSelector) return false
    this.#withFieldSelector = false
    return true
  }

  /** From now on answers are asked for in JSON alone; false: they were. */
  useJson(): boolean {
    if (this.#forms === 'json') return false
    this.#forms = 'json'
    return true
  }

  /** Resolves when the server has ended the watch. Throws {@link ApiError}, or the reason the signal aborted for. */
  async run(signal: AbortSignal): Promise<void> {
    using attempt = new ChildAbort(signal)
    try {
      if (this.#version === undefined) {
        if (this.#pagesOnly === undefined && (await this.#watchList(attempt))) return
        await this.#listPages(attempt)
        await this.#watch(attempt, 'just listed')
      } else await this.#watch(attempt, 'resumed')
    } catch (error) {
      throw asApiError(attempt.reasonOf(error))
    }
  }

  /**
   * The list arrives as ADDED events, ended by a bookmark, and the same stream goes on as the watch. Resolves with
   * whether it did; with false, pages are to be tried. Throws for what pages would meet as well.
   */
  async #watchList(attempt: ChildAbort): Promise<boolean> {
    const { timings, clock, delivery, logger, resource, client } = this.#options
    using request = new ChildAbort(attempt.signal)
    const what = this.#what('watch')
    const fail = (why: string) => new ApiError('API_NO_WATCH_LIST', `${what}: ${why}`)
    let connection: object | undefined
    let silence: IdleTimeout | undefined
    try {
      const response = await this.#get(request.signal, {
        ...this.#watchQuery(request),
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
      })
      connection = response.connection
      await expectObjects(response, what)
      this.#listFrom(connection)
      silence = new IdleTimeout(clock, timings.initialEventsQuietMs, () =>
        request.abort(fail('no bookmark has ended the initial events')),
      )
      const list = delivery.beginList()
      const onEvent = (event: ObjectEvent, receivedAt: number) => {
        if (this.#version !== undefined) this.#onEvent(event, receivedAt)
        else if (event.type === 'DELETED') list.remove(event.object, receivedAt)
        else if (event.type !== 'BOOKMARK') list.deliver(event.object, receivedAt)
        // A server that ignores sendInitialEvents sends plain bookmarks in time.
        else if (!endsInitialEvents(event.object))
          throw fail('a bookmark came before the initial events ended')
        else {
          silence?.stop()
          list.end(receivedAt)
          this.#listed(resourceVersionOf(event.object))
        }
      }
      await readEventStream(response, { what, clock, heard: () => silence?.heard(), onEvent })
      if (this.#version === undefined) throw fail('the stream ended before the list was complete')
      return true
    } catch (error) {
      const failure = asApiError(request.reasonOf(error))
      const listed = this.#version !== undefined
      const connected = connection !== undefined || client.isOpen
      if (listed || attempt.signal.aborted || !connected || !pagesMayWork(failure)) throw failure
      this.#pagesOnly = connection
      logger.debug({ resource: resource.name, error: failure.message }, 'no watch-list: listing in pages')
      return false
    } finally {
      silence?.stop()
    }
  }

  async #listPages(attempt: ChildAbort): Promise<void> {
    const { clock, delivery } = this.#options
    const list = delivery.beginList()
    let version = ''
    try {
      const read = async (query: Query) => {
        const response = await this.#get(attempt.signal, query)
        return { body: await this.#read(response, attempt), connection: response.connection }
      }
      for await (const page of listPages({ what: this.#what('list'), read })) {
        this.#listFrom(page.connection)
        const receivedAt = clock.now()
        for (const item of page.items) list.deliver(item, receivedAt)
        version = page.resourceVersion
      }
    } catch (error) {
      // Pages are no better then: the next attempt tries a watch-list again.
      this.#pagesOnly = undefined
      throw error
    }
    list.end(clock.now())
    this.#listed(version)
  }

  /** Goes on from `#version`. */
  async #watch(attempt: ChildAbort, version: 'just listed' | 'resumed'): Promise<void> {
    const from = this.#version ?? ''
    const response = await this.#get(attempt.signal, { ...this.#watchQuery(attempt), resourceVersion: from })
    await expectObjects(response, this.#what('watch'))
    this.#options.onAccepted()
    // Beside the watch: an HTTP/2 stream that ends unread meanwhile couldn't be read any more.
    if (version === 'resumed') void this.#checkHistory(from, attempt)
    await readEventStream(response, {
      what: this.#what('watch'),
      clock: this.#options.clock,
      heard: () => {},
      onEvent: (event, receivedAt) => this.#onEvent(event, receivedAt),
    })
  }

  #checkHistory(from: string, attempt: ChildAbort): Promise<void> {
    const read = (response: ApiResponse) => this.#read(response, attempt)
    const get = (path: string) => this.#send(path, attempt.signal)
    return checkHistory(from, attempt, { ...this.#options, get, read, last: () => this.#last })
  }

  #read(response: ApiResponse, attempt: ChildAbort): Promise<object> {
    const { clock, timings } = this.#options
    const timeoutMs = timings.responseTimeoutMs
    return readList(response, attempt, { what: this.#what('list'), clock, timeoutMs })
  }

  #onEvent(event: ObjectEvent, receivedAt: number): void {
    const { delivery } = this.#options
    const version = resourceVersionOf(event.object)
    const reached = this.#version ?? ''
    if (event.type === 'DELETED') delivery.remove(event.object, receivedAt)
    else if (isOlder(version, reached)) throw wentBack(this.#options.resource, reached, version)
    else if (event.type !== 'BOOKMARK') delivery.deliver(event.object, receivedAt)
    if (event.type !== 'BOOKMARK') this.#last = { object: event.object, deleted: event.type === 'DELETED' }
    // Old servers give a deleted object with the version that it had.
    if (version !== '' && !isOlder(version, reached)) this.#version = version
    this.#options.onProgress()
  }

  /** Notes the connection that a list comes through: over a new one an old version may mean a new state. */
  #listFrom(connection: object): void {
    if (connection !== this.#listedBy) this.#options.delivery.forgetVersions()
    this.#listedBy = connection
    this.#options.onAccepted()
  }

  #listed(version: string): void {
    this.#version = version
    this.#last = undefined
    this.#options.onProgress()
    this.#options.delivery.synced()
  }

  async #get(signal: AbortSignal, query: Query): Promise<ApiResponse> {
    const { resource } = this.#options
    const path = requestPath(resource, query, { withFieldSelector: this.#withFieldSelector })
    const response = await this.#send(path, signal)
    // The server behind a new connection may be able to do watch-lists.
    if (response.connection !== this.#pagesOnly) this.#pagesOnly = undefined
    return response
  }

  #send(path: string, signal: AbortSignal): Promise<ApiResponse> {
    return this.#options.client.get(path, acceptHeaders[this.#forms], signal)
  }

  /** The time limit is the server's to keep; where it doesn't, the request is ended from here. */
  #watchQuery(request: AbortController): Query {
    const { clock, timings, random } = this.#options
    // A signal that has aborted fires no more, so the timer would stay.
    request.signal.throwIfAborted()
    const seconds = Math.ceil(timings.watchSeconds * (1 + random()))
    const cancel = clock.after(seconds * 1000 + timings.watchGraceMs, () =>
      request.abort(new ApiError('API_SILENT', `${this.#what('watch')}: the server did not end it in time`)),
    )
    request.signal.addEventListener('abort', cancel, { once: true })
    return { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) }
  }

  #what(verb: 'list' | 'watch'): string {
    return `cannot ${verb} ${this.#options.resource.name}`
  }
}

/**
 * Whether a list in pages may succeed where a watch-list failed: always, as with client-go, but where pages would meet
 * the same: protobuf can't be read, the credentials are refused, the resource isn't served, or the server has too much
 * to do, which a list would make worse.
 */
function pagesMayWork({ code, status }: ApiError): boolean {
  if (code === 'API_CONNECTION_REPLACED' || code === 'API_CREDENTIALS' || code === 'API_PROTOBUF')
    return false
  return code !== 'API_STATUS' || (status !== 401 && status !== 404 && status !== 429)
}
