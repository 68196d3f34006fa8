import type { ClusterRecord } from '../../../cluster/records.ts'
import { type Clock, pause } from '../../../time/clock.ts'
import { ApiError, asApiError } from '../connection/api-error.ts'
import { ChildAbort } from '../connection/child-abort.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { type AnswerForms, acceptHeaders } from '../requests/answer-form.ts'
import { expectObjects } from '../requests/api-answer.ts'
import type { ApiClient } from '../requests/api-client.ts'
import { resourceVersionOf } from '../requests/api-object.ts'
import { BodyBuffer } from '../requests/body-buffer.ts'
import { readEventStream } from '../requests/event-stream.ts'
import { listPages } from '../requests/list-pages.ts'
import { type Query, type Resource, requestPath, versionPath } from '../requests/resource.ts'
import { isOlder } from '../requests/resource-version.ts'
import type { ObjectEvent } from '../requests/watch-event.ts'
import type { Timings } from '../timings.ts'
import type { Delivery } from './delivery.ts'
import { checkHistory, type LastEvent, wentBack } from './history-check.ts'
import { readList } from './read-list.ts'
import type { UnfinishedList } from './unfinished-list.ts'

export interface ListWatchOptions<R extends ClusterRecord> {
  readonly resource: Resource<R>
  readonly client: ApiClient
  readonly delivery: Delivery<R>
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  /** In which forms answers are asked for. */
  readonly forms: AnswerForms
  /** The server has given a complete list, or accepted a watch. */
  readonly onAccepted: () => void
  /** A list is complete, or an event has been delivered. */
  readonly onProgress: () => void
  /** A watch that goes on where another one ended has held, though it may have nothing to tell. */
  readonly onHeld: () => void
}

/**
 * Lists one resource in pages, and watches it from there. It keeps up to where everything has been delivered, so that the
 * next attempt goes on from there: with the page of a list that didn't come, or the watch.
 */
export class ListWatch<R extends ClusterRecord> {
  readonly #options: ListWatchOptions<R>
  /** Up to which everything has been delivered; `undefined`: a list is needed. */
  #version: string | undefined
  #unfinished: UnfinishedList | undefined
  /** The object of the last event since the list. */
  #last: LastEvent | undefined
  /** The newest version of which anything has been delivered; a list that is older is of another history. */
  #newest = ''
  /** Through which the last list came. */
  #listedBy: object | undefined
  #withFieldSelector = true
  #forms: AnswerForms
  #gzip = true

  constructor(options: ListWatchOptions<R>) {
    this.#options = options
    this.#forms = options.forms
  }

  /** Up to which everything has been delivered; `undefined`: a list is needed, and under way or due. */
  get version(): string | undefined {
    return this.#version
  }

  /** Delivered pages of a list that isn't complete. */
  get pages(): number {
    return this.#unfinished?.pages ?? 0
  }

  /** The next attempt lists, from the first page on. */
  relist(): void {
    this.#version = undefined
    this.#unfinished = undefined
  }

  /** The server has another history: the next attempt lists, and objects of known versions are delivered again. */
  distrust(): void {
    this.relist()
    this.#newest = ''
    this.#options.delivery.forgetVersions()
  }

  /** From now on without the field selector, which the server may not know; false: it wasn't there or is needed. */
  dropFieldSelector(): boolean {
    if (!this.#options.resource.fieldSelectorOptional || !this.#withFieldSelector) return false
    this.#withFieldSelector = false
    this.#unfinished = undefined
    return true
  }

  /** From now on answers are asked for in JSON alone; false: they were. */
  useJson(): boolean {
    if (this.#forms === 'json') return false
    this.#forms = 'json'
    this.#unfinished = undefined
    return true
  }

  /** From now on lists are asked for as they are. */
  withoutGzip(): void {
    this.#gzip = false
  }

  /** Resolves when the server has ended the watch. Throws {@link ApiError}, or the reason the signal aborted for. */
  async run(signal: AbortSignal): Promise<void> {
    using attempt = new ChildAbort(signal)
    try {
      if (this.#version === undefined) {
        await this.#list(attempt)
        await this.#watch(attempt, 'just listed')
      } else await this.#watch(attempt, 'resumed')
    } catch (error) {
      const failure = asApiError(attempt.reasonOf(error))
      // 429 is the word of a server that would have the page; all else may be of a proxy, or of a server that has gone.
      if (this.#unfinished !== undefined && failure.status !== 429)
        this.#unfinished = { ...this.#unfinished, doubted: true }
      throw failure
    }
  }

  async #list(attempt: ChildAbort): Promise<void> {
    const { clock, delivery } = this.#options
    if (this.#unfinished?.doubted === true) await this.#checkUnfinished(this.#unfinished, attempt)
    const list = this.#unfinished?.delivery ?? delivery.beginList()
    const from = this.#unfinished?.next
    let version = ''
    // A page is read while the one before is gone through.
    let [buffer, other] = [new BodyBuffer(), new BodyBuffer()]
    const read = async (query: Query) => {
      ;[buffer, other] = [other, buffer]
      const into = buffer
      const response = await this.#get('list', query, attempt.signal)
      return { body: await this.#read(response, attempt, into), connection: response.connection }
    }
    for await (const page of listPages({ what: this.#what('list'), read, from })) {
      version = page.resourceVersion
      if (isOlder(version, this.#newest)) throw wentBack(this.#what('list'), this.#newest, version)
      this.#newest = version
      this.#listFrom(page.connection)
      const receivedAt = clock.now()
      for (const item of page.items) list.deliver(item, receivedAt)
      const { next } = page
      this.#unfinished = { delivery: list, version, next, pages: this.pages + 1, doubted: false }
    }
    list.end(clock.now())
    this.#listed(version)
  }

  /** A server with an older history than the pages' would take the next one for a list of its future. */
  async #checkUnfinished(unfinished: UnfinishedList, attempt: ChildAbort): Promise<void> {
    const { version } = unfinished
    const response = await this.#send('list', versionPath(this.#options.resource), attempt.signal)
    const present = resourceVersionOf(await this.#read(response, attempt))
    if (isOlder(present, version)) throw wentBack(this.#what('list'), version, present)
    this.#unfinished = { ...unfinished, doubted: false }
  }

  /** Goes on from `#version`. */
  async #watch(attempt: ChildAbort, version: 'just listed' | 'resumed'): Promise<void> {
    const from = this.#version ?? ''
    const query = { ...this.#watchQuery(attempt), resourceVersion: from }
    const response = await this.#get('watch', query, attempt.signal)
    await expectObjects(response, this.#what('watch'))
    this.#options.onAccepted()
    // Beside the watch: an HTTP/2 stream that ends unread meanwhile couldn't be read any more.
    if (version === 'resumed') void this.#checkResumed(from, attempt)
    await readEventStream(response, {
      what: this.#what('watch'),
      clock: this.#options.clock,
      heard: () => {},
      onEvent: (event, receivedAt) => this.#onEvent(event, receivedAt),
    })
  }

  async #checkResumed(from: string, attempt: ChildAbort): Promise<void> {
    const { clock, timings, onHeld } = this.#options
    await this.#checkHistory(from, attempt)
    await pause(clock, timings.stableAfterMs, attempt.signal)
    if (!attempt.signal.aborted) onHeld()
  }

  #checkHistory(from: string, attempt: ChildAbort): Promise<void> {
    const read = (response: ApiResponse) => this.#read(response, attempt)
    const get = (path: string) => this.#send('list', path, attempt.signal)
    const what = this.#what('watch')
    return checkHistory(from, attempt, { ...this.#options, what, get, read, last: () => this.#last })
  }

  #read(response: ApiResponse, attempt: ChildAbort, buffer = new BodyBuffer()): Promise<object> {
    const { clock, timings } = this.#options
    const timeoutMs = timings.responseTimeoutMs
    return readList(response, attempt, { what: this.#what('list'), clock, timeoutMs, buffer })
  }

  #onEvent(event: ObjectEvent, receivedAt: number): void {
    const { delivery } = this.#options
    const version = resourceVersionOf(event.object)
    const reached = this.#version ?? ''
    if (event.type === 'DELETED') delivery.remove(event.object, receivedAt)
    else if (isOlder(version, reached)) throw wentBack(this.#what('watch'), reached, version)
    else if (event.type !== 'BOOKMARK') delivery.deliver(event.object, receivedAt)
    if (event.type !== 'BOOKMARK') this.#last = { object: event.object, deleted: event.type === 'DELETED' }
    // Old servers give a deleted object with the version that it had.
    if (version !== '' && !isOlder(version, reached)) this.#version = this.#newest = version
    this.#options.onProgress()
  }

  /** Notes the connection that a list comes through: over a new one an old version may mean a new state. */
  #listFrom(connection: object): void {
    if (connection !== this.#listedBy) this.#options.delivery.forgetVersions()
    this.#listedBy = connection
  }

  #listed(version: string): void {
    this.#version = version
    this.#unfinished = undefined
    this.#last = undefined
    this.#options.onAccepted()
    this.#options.onProgress()
    this.#options.delivery.synced()
  }

  #get(verb: 'list' | 'watch', query: Query, signal: AbortSignal): Promise<ApiResponse> {
    const { resource } = this.#options
    const path = requestPath(resource, query, { withFieldSelector: this.#withFieldSelector })
    return this.#send(verb, path, signal)
  }

  #send(verb: 'list' | 'watch', path: string, signal: AbortSignal): Promise<ApiResponse> {
    const accept = acceptHeaders[this.#forms]
    return this.#options.client.get(path, { accept, gzip: verb === 'list' && this.#gzip }, signal)
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
