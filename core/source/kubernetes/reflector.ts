import { backoff } from '../../backoff.ts'
import { type Clock, pause } from '../../clock.ts'
import type { ClusterRecord } from '../../cluster/records.ts'
import type { ClusterSink } from '../cluster-source.ts'
import type { Logger } from '../logger.ts'
import { expectJson, readJson } from './api-answer.ts'
import type { ApiClient } from './api-client.ts'
import { ApiError, type ApiErrorCode, asApiError } from './api-error.ts'
import { endsInitialEvents, listVersion } from './api-object.ts'
import type { ApiResponse } from './connection.ts'
import { Delivery } from './delivery.ts'
import { readEventStream } from './event-stream.ts'
import { FailureLog } from './failure-log.ts'
import { listPages } from './list-pages.ts'
import { type Query, type Resource, requestPath } from './resource.ts'
import { isOlder } from './resource-version.ts'
import { SilenceWatch } from './silence.ts'
import type { Timings } from './timings.ts'
import type { ObjectEvent } from './watch-event.ts'

export interface ReflectorOptions<R extends ClusterRecord> {
  readonly resource: Resource<R>
  readonly client: ApiClient
  readonly sink: ClusterSink
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  readonly logger: Logger
}

const unusableAnswers: ReadonlySet<ApiErrorCode> = new Set(['API_STATUS', 'API_NOT_JSON', 'API_MALFORMED'])

/**
 * Keeps a sink up to date with one resource, for ever: lists (by watch-list, or in pages), watches, and after any
 * failure goes on from the last resourceVersion, or lists again where that is gone. Nothing that was delivered is taken
 * back because of a failure; a new list is delivered as its difference.
 */
export class Reflector<R extends ClusterRecord> {
  readonly #options: ReflectorOptions<R>
  readonly #delivery: Delivery<R>
  readonly #failures: FailureLog
  /** Up to which everything has been delivered; `undefined`: a list is needed. */
  #version: string | undefined
  /** Through which `#version` came. */
  #connection: object | undefined
  /** The connection behind which there is no watch-list; another server may have it. */
  #pagesOnly: object | undefined
  #withFieldSelector = true
  /** Attempts in a row that did not hold; decides how long to wait. */
  #attempts = 0
  /** Unusable answers since the last event or list. */
  #fruitless = 0

  constructor(options: ReflectorOptions<R>) {
    this.#options = options
    this.#delivery = new Delivery(options.resource, options.sink, options.logger)
    this.#failures = new FailureLog({
      logger: options.logger,
      clock: options.clock,
      repeatLogMs: options.timings.repeatLogMs,
      resource: options.resource.name,
    })
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, timings } = this.#options
    while (!signal.aborted) {
      const startedAt = clock.now()
      let failure: ApiError | undefined
      const attempt = new AbortController()
      const stop = () => attempt.abort(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      try {
        await this.#listAndWatch(attempt)
      } catch (error) {
        failure = asApiError(attempt.signal.aborted ? attempt.signal.reason : error)
      } finally {
        signal.removeEventListener('abort', stop)
        attempt.abort()
      }
      if (signal.aborted) return
      const stable = clock.now() - startedAt >= timings.stableAfterMs
      if (stable) this.#attempts = 0
      // A watch that ended by its own time limit is followed by the next one at once; but a server that ends every
      // one early gets no storm of requests.
      const delayMs = failure !== undefined ? this.#delayAfter(failure) : stable ? 0 : this.#backOff()
      await pause(clock, delayMs, signal)
    }
  }

  /** What a failure changes, and the milliseconds until the next attempt. */
  #delayAfter(failure: ApiError): number {
    const { timings, random } = this.#options
    switch (failure.code) {
      case 'API_CREDENTIALS_CHANGED':
      case 'API_NO_WATCH_LIST':
        return 0
      case 'API_EXPIRED':
        this.#version = undefined
        break
      case 'API_VERSION_WENT_BACK':
        this.#version = undefined
        this.#delivery.forgetVersions()
        break
      case 'API_STATUS':
        if (this.#isAbsent(failure)) return timings.absentRetryMs * (1 + random())
        if (this.#dropFieldSelector(failure)) return 0
        break
    }
    // Answers that can't be used may come of the version that is asked for: a list goes around it.
    if (unusableAnswers.has(failure.code) && ++this.#fruitless >= 2) this.#version = undefined
    const delayMs = this.#backOff()
    this.#failures.failed(failure, delayMs)
    return delayMs
  }

  #backOff(): number {
    const { timings, random } = this.#options
    this.#attempts += 1
    return backoff(this.#attempts, timings, random)
  }

  async #listAndWatch(attempt: AbortController): Promise<void> {
    if (this.#version !== undefined) return this.#watch(attempt)
    if (this.#pagesOnly === undefined) return this.#watchList(attempt)
    const connection = await this.#listPages(attempt)
    // An upgraded server may have learned it: try again whenever the connection is a new one.
    if (connection !== this.#pagesOnly) this.#pagesOnly = undefined
    return this.#watch(attempt)
  }

  /** KEP-3157: the list arrives as ADDED events, ended by a bookmark, and the same stream goes on as the watch. */
  async #watchList(attempt: AbortController): Promise<void> {
    const { timings, clock } = this.#options
    const response = await this.#get(attempt.signal, {
      ...this.#watchQuery(attempt),
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    })
    const noWatchList = (why: string) => {
      this.#pagesOnly = response.connection
      return new ApiError('API_NO_WATCH_LIST', why)
    }
    if (response.status === 400 || response.status === 422) throw noWatchList(`answered ${response.status}`)
    await expectJson(response, this.#what('watch'))
    this.#cameThrough(response.connection)
    const silence = new SilenceWatch(clock, timings.initialEventsQuietMs, () =>
      attempt.abort(noWatchList('no initial-events-end bookmark')),
    )
    const list = this.#delivery.beginList()
    const onEvent = (event: ObjectEvent, receivedAt: number) => {
      if (this.#version !== undefined) this.#onEvent(event, receivedAt)
      else if (event.type === 'DELETED') list.remove(event.object, receivedAt)
      else if (event.type !== 'BOOKMARK') list.deliver(event.object, receivedAt)
      // A server that ignores sendInitialEvents sends plain bookmarks in time.
      else if (!endsInitialEvents(event.object))
        throw noWatchList('a bookmark before the initial events ended')
      else {
        silence.stop()
        list.end(receivedAt)
        this.#listed(listVersion(event.object))
      }
    }
    const what = this.#what('watch')
    try {
      await readEventStream(response, { what, clock, heard: () => silence.heard(), onEvent })
    } finally {
      silence.stop()
    }
    if (this.#version === undefined) {
      throw new ApiError('API_MALFORMED', `${what}: the stream ended before the list was complete`)
    }
  }

  /** Lists page by page; returns the connection that it came through. */
  async #listPages(attempt: AbortController): Promise<object | undefined> {
    const { clock, timings } = this.#options
    const what = this.#what('list')
    const list = this.#delivery.beginList()
    const silence = new SilenceWatch(clock, timings.responseTimeoutMs, () =>
      attempt.abort(new ApiError('API_SILENT', `${what}: the answer stopped in the middle`)),
    )
    let version = ''
    let connection: object | undefined
    try {
      const get = (query: Query) => this.#get(attempt.signal, query)
      for await (const page of listPages({ what, get, heard: () => silence.heard() })) {
        this.#cameThrough(page.connection)
        const receivedAt = clock.now()
        for (const item of page.items) list.deliver(item, receivedAt)
        version = page.resourceVersion
        connection = page.connection
      }
    } finally {
      silence.stop()
    }
    list.end(clock.now())
    this.#listed(version)
    return connection
  }

  /** Goes on from `#version`. */
  async #watch(attempt: AbortController): Promise<void> {
    const from = this.#version ?? ''
    const response = await this.#get(attempt.signal, { ...this.#watchQuery(attempt), resourceVersion: from })
    await expectJson(response, this.#what('watch'))
    if (response.connection !== this.#connection) {
      // Beside the watch: an HTTP/2 stream that ends unread meanwhile couldn't be read any more.
      this.#checkVersion(from, attempt.signal).then(
        () => {
          this.#connection = response.connection
        },
        (error) => attempt.abort(error),
      )
    }
    await readEventStream(response, {
      what: this.#what('watch'),
      clock: this.#options.clock,
      heard: () => {},
      onEvent: (event, receivedAt) => this.#onEvent(event, receivedAt),
    })
  }

  /**
   * A server with an older history than ours would keep a watch from a version of its future quiet until it gets there,
   * so over a new connection its present version is asked for.
   */
  async #checkVersion(from: string, signal: AbortSignal): Promise<void> {
    const what = this.#what('list')
    const response = await this.#get(signal, { limit: '1' })
    await expectJson(response, what)
    const version = listVersion(await readJson(response, what, () => {}))
    if (isOlder(version, from)) throw this.#wentBack(from, version)
  }

  #onEvent(event: ObjectEvent, receivedAt: number): void {
    const version = listVersion(event.object)
    const reached = this.#version ?? ''
    if (event.type === 'DELETED') this.#delivery.remove(event.object, receivedAt)
    else if (isOlder(version, reached)) throw this.#wentBack(reached, version)
    else if (event.type !== 'BOOKMARK') this.#delivery.deliver(event.object, receivedAt)
    // Old servers give a deleted object with the version that it had.
    if (version !== '' && !isOlder(version, reached)) this.#version = version
    this.#succeeded()
  }

  #wentBack(from: string, to: string): ApiError {
    return new ApiError(
      'API_VERSION_WENT_BACK',
      `${this.#what('watch')}: the server's resourceVersion went from ${from} back to ${to}, as after restoring a backup of etcd: listing again`,
    )
  }

  #listed(version: string): void {
    this.#version = version
    this.#succeeded()
    this.#delivery.synced()
  }

  #succeeded(): void {
    this.#fruitless = 0
    this.#failures.recovered()
  }

  /** Notes the connection that a list comes through: over a new one an old version may mean a new state. */
  #cameThrough(connection: object): void {
    if (connection !== this.#connection) this.#delivery.forgetVersions()
    this.#connection = connection
  }

  #isAbsent(failure: ApiError): boolean {
    const { resource, logger } = this.#options
    if (!resource.optional || (failure.status !== 404 && failure.status !== 403)) return false
    if (this.#delivery.isSynced) return true
    const why = failure.status === 404 ? 'not served' : 'not permitted'
    logger.info(
      { resource: resource.name, status: failure.status },
      `${resource.name}: ${why}, going on without`,
    )
    this.#delivery.synced()
    return true
  }

  /** Servers before Kubernetes 1.31 have no field selector for a Service's ClusterIP. */
  #dropFieldSelector(failure: ApiError): boolean {
    const droppable = this.#options.resource.fieldSelectorOptional && this.#withFieldSelector
    if (!droppable || failure.status !== 400) return false
    this.#withFieldSelector = false
    return true
  }

  #get(signal: AbortSignal, query: Query): Promise<ApiResponse> {
    const { resource, client } = this.#options
    return client.get(requestPath(resource, query, { withFieldSelector: this.#withFieldSelector }), signal)
  }

  /** The time limit is the server's to keep; where it doesn't, the attempt is ended from here. */
  #watchQuery(attempt: AbortController): Query {
    const { clock, timings, random } = this.#options
    const seconds = Math.ceil(timings.watchSeconds * (1 + random()))
    const callOff = clock.after(seconds * 1000 + timings.watchGraceMs, () =>
      attempt.abort(new ApiError('API_SILENT', `${this.#what('watch')}: the server did not end it in time`)),
    )
    attempt.signal.addEventListener('abort', callOff, { once: true })
    return { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) }
  }

  #what(verb: 'list' | 'watch'): string {
    return `cannot ${verb} ${this.#options.resource.name}`
  }
}
