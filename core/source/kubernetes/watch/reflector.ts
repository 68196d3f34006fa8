import type { ClusterRecord } from '../../../cluster/records.ts'
import type { Logger } from '../../../log/logger.ts'
import { backoff } from '../../../time/backoff.ts'
import { type Clock, pause } from '../../../time/clock.ts'
import type { ClusterSink, SourceProgress } from '../../cluster-source.ts'
import type { ApiObserver } from '../api-observer.ts'
import { type ApiError, type ApiErrorCode, asApiError } from '../connection/api-error.ts'
import type { AnswerForms } from '../requests/answer-form.ts'
import type { ApiClient } from '../requests/api-client.ts'
import type { Resource } from '../requests/resource.ts'
import type { Timings } from '../timings.ts'
import { Delivery } from './delivery.ts'
import { FailureLog } from './failure-log.ts'
import { ListWatch } from './list-watch.ts'
import type { Recovery } from './recovery.ts'

export interface ReflectorOptions<R extends ClusterRecord> {
  readonly resource: Resource<R>
  readonly client: ApiClient
  readonly sink: ClusterSink
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  readonly logger: Logger
  /** Shared by all resources of one server. */
  readonly recovery: Recovery
  readonly observer?: ApiObserver
  /** `progress` is another from now on. */
  readonly onMoved: () => void
  /** In which forms answers are asked for. */
  readonly forms: AnswerForms
}

/** A 401 has been answered with fresh credentials by then, where there are any. */
function refusalOf(error: ApiError | undefined): string | undefined {
  return error?.status === 401 || error?.status === 403 ? error.message : undefined
}

const unusableAnswers: ReadonlySet<ApiErrorCode> = new Set([
  'API_STATUS',
  'API_NOT_JSON',
  'API_MALFORMED',
  'API_GZIP',
  'API_PROTOBUF',
])

/** Statuses that say nothing about the version that was asked for: a list in its place would only cost more. */
const notOfTheVersion: ReadonlySet<number | undefined> = new Set([401, 403, 404, 429, 502, 503, 504])

/**
 * Keeps a sink up to date with one resource, for ever: lists, watches, and after any failure goes on from the last page
 * or resourceVersion, or lists again where that is gone. Nothing that was delivered is taken back because of a failure; a
 * new list is delivered as its difference.
 */
export class Reflector<R extends ClusterRecord> {
  readonly #options: ReflectorOptions<R>
  readonly #delivery: Delivery<R>
  readonly #listWatch: ListWatch<R>
  readonly #failures: FailureLog
  /** Attempts in a row that did not hold; decides how long to wait. */
  #attempts = 0
  /** Whether the last request was refused. */
  #refused = false
  /** Unusable answers since the last event or list. */
  #fruitless = 0
  /** How many pages of a list have come, at the most, since the last one that was complete. */
  #reachedPages = 0
  #progress: SourceProgress | undefined

  constructor(options: ReflectorOptions<R>) {
    const { resource, client, clock, random, timings, logger, sink, forms } = options
    this.#options = options
    this.#delivery = new Delivery(resource, sink, logger)
    const { repeatLogMs } = timings
    this.#failures = new FailureLog({
      logger,
      clock,
      repeatLogMs,
      resource: resource.name,
      onFailing: (error) => sink.failing?.(resource.kind, error?.code, refusalOf(error)),
    })
    this.#listWatch = new ListWatch({
      resource,
      client,
      delivery: this.#delivery,
      clock,
      random,
      timings,
      forms,
      onAccepted: () => this.#accepted(),
      onProgress: () => this.#progressed(),
      onHeld: () => this.#failures.recovered(),
    })
  }

  /** How far it has read; `undefined` before the first list, and while one is made anew. */
  get progress(): SourceProgress | undefined {
    return this.#progress
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, timings, recovery } = this.#options
    while (!signal.aborted) {
      const startedAt = clock.now()
      let failure: ApiError | undefined
      try {
        await this.#listWatch.run(signal)
      } catch (error) {
        failure = asApiError(error)
      }
      if (signal.aborted) return
      const stable = clock.now() - startedAt >= timings.stableAfterMs
      if (stable) this.#attempts = 0
      if (failure !== undefined) await this.#pauseAfter(failure, signal)
      // A watch that ended by its own time limit is followed by the next one at once; but a server that ends every
      // one early gets no storm of requests.
      else if (!stable) await recovery.pause(this.#backOff(), signal)
    }
  }

  async #pauseAfter(failure: ApiError, signal: AbortSignal): Promise<void> {
    const { timings, random, client, clock, recovery, resource, observer } = this.#options
    if (failure.code === 'API_CONNECTION_REPLACED') return
    observer?.onFailure?.({ resource: resource.name, code: failure.code })
    this.#heedPages()
    if (failure.code === 'API_EXPIRED') this.#relist()
    if (failure.code === 'API_VERSION_WENT_BACK') {
      this.#listWatch.distrust()
      this.#moved(undefined)
    }
    if (failure.code === 'API_PROTOBUF') this.#listWatch.useJson()
    if (failure.code === 'API_GZIP') this.#listWatch.withoutGzip()
    if (!client.isOpen) {
      // The next request waits for a connection, and that for the server: a back-off on top would only be late.
      this.#attempts = 0
      this.#failures.failed(failure)
      return
    }
    if (this.#isAbsent(failure)) {
      const delayMs = timings.absentRetryMs * (1 + random())
      // What has never been read is told of as such, once.
      if (!this.#delivery.isUnreadable) this.#failures.failed(failure, delayMs)
      return await pause(clock, delayMs, signal)
    }
    if (failure.status === 400 && this.#listWatch.dropFieldSelector()) return
    // To whoever accepts protobuf as well as JSON only what has never heard of protobuf answers that.
    if (failure.status === 406 && this.#listWatch.useJson()) return
    this.#relistAfterFruitless(failure)
    this.#refused = true
    const retryAfterMs = Math.min(failure.retryAfterMs ?? 0, timings.retryAfterMaxMs)
    // Drawn upwards: nodes that are told the same time don't come back together.
    const minMs = retryAfterMs * (1 + random() / 4)
    const delayMs = Math.max(minMs, this.#delayAfter(failure))
    this.#failures.failed(failure, delayMs)
    await recovery.pause(delayMs, signal, minMs)
  }

  #delayAfter(failure: ApiError): number {
    const { timings, random } = this.#options
    const backOffMs = this.#backOff()
    const lostPlace = failure.code === 'API_EXPIRED' || failure.code === 'API_VERSION_WENT_BACK'
    if (!lostPlace || this.#attempts > 1) return backOffMs
    // It's likely that all nodes have to list now, and a list costs the server as much as there are objects.
    return random() * Math.min(timings.relistSpreadMaxMs, timings.relistSpreadMs * this.#delivery.size)
  }

  #backOff(): number {
    const { timings, random } = this.#options
    this.#attempts += 1
    return backoff(this.#attempts, timings, random)
  }

  /**
   * An attempt that a list has come further by has held. Not one that came as far as one before: a server that never
   * gives more than the first pages is asked ever more seldom.
   */
  #heedPages(): void {
    const { pages } = this.#listWatch
    if (pages <= this.#reachedPages) return
    this.#reachedPages = pages
    this.#attempts = 0
    this.#fruitless = 0
  }

  /** Answers that can't be used may come of the version that is asked for: a list goes around it. */
  #relistAfterFruitless(failure: ApiError): void {
    if (!unusableAnswers.has(failure.code) || notOfTheVersion.has(failure.status)) return
    if (++this.#fruitless >= 2) this.#relist()
  }

  #relist(): void {
    this.#listWatch.relist()
    this.#moved(undefined)
  }

  #accepted(): void {
    if (!this.#refused) return
    this.#refused = false
    this.#options.recovery.gotThrough()
  }

  #progressed(): void {
    this.#fruitless = 0
    this.#reachedPages = 0
    const resourceVersion = this.#listWatch.version
    const at = this.#options.clock.now()
    const { name } = this.#options.resource
    this.#moved(resourceVersion === undefined ? undefined : { resource: name, resourceVersion, at })
    this.#failures.recovered()
  }

  #moved(progress: SourceProgress | undefined): void {
    this.#progress = progress
    this.#options.onMoved()
  }

  #isAbsent(failure: ApiError): boolean {
    const { resource, logger } = this.#options
    if (!resource.optional || (failure.status !== 404 && failure.status !== 403)) return false
    if (this.#delivery.isSynced) return true
    const why = failure.status === 404 ? 'not served' : 'not permitted'
    logger.info(
      { event: 'resource-unavailable', resource: resource.name, status: failure.status },
      `${resource.name}: ${why}, going on without`,
    )
    this.#delivery.unreadable()
    return true
  }
}
