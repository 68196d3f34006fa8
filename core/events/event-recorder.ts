import type { Logger } from '../log/logger.ts'
import type { ApiReply, ApiRequests } from '../source/cluster-source.ts'
import { backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { type ClusterEvent, seriesKey } from './cluster-event.ts'
import { eventObject, seriesPatch } from './event-object.ts'
import { RequestBudget } from './request-budget.ts'

/** Milliseconds, but for counts. */
const limits = {
  /** Events that wait, and series that are remembered; what comes beyond is not told. */
  waiting: 200,
  series: 500,
  /** As many may wait when one about a Service comes: whoever writes Services decides how many of those there are. */
  waitingForService: 100,
  /** Requests: as many at once, then one in each `everyMs`. */
  burst: 20,
  everyMs: 10_000,
  /** An event that didn't come for this long begins a new series, as with other components. */
  seriesIdleMs: 360_000,
  /** Between two updates of a series' count. */
  seriesUpdateMs: 300_000,
  /** What every node finds is told by one of them within this time, and found told by the others. */
  spreadMs: 30_000,
  attempts: 8,
  retryMinMs: 1000,
  retryMaxMs: 60_000,
  /** The longest Retry-After that is honoured. */
  retryAfterMaxMs: 600_000,
} as const

export interface EventRecorderOptions {
  readonly nodeName: string
  readonly logger: Logger
  readonly clock: Clock
  /** Milliseconds since the epoch. */
  readonly date: () => number
  /** Numbers in [0, 1). */
  readonly random: () => number
}

/** What is told of one key, and how far that is. */
interface Series {
  readonly key: string
  readonly event: ClusterEvent
  readonly serial: number
  count: number
  /** Since the epoch: when it first happened. */
  readonly firstDate: number
  /** By the clock. */
  lastAt: number
  /** Since the epoch. */
  lastDate: number
  /** Absent: the API server doesn't have it yet. */
  posted?: { readonly namespace: string; readonly name: string; readonly at: number; readonly count: number }
  attempts: number
  /** When its next request is due, by the clock; absent: none is. */
  dueAt: number | undefined
}

/**
 * Tells Events through the API server, as far as that is possible, and never holds up who records one: a queue that is
 * bounded, at a rate that is bounded. The same event again is a count of the first.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #budget = new RequestBudget(limits)
  /** By key, the one that was seen last at the end. */
  readonly #series = new Map<string, Series>()
  readonly #stopping = new AbortController()
  #api: ApiRequests | undefined
  #serial = 0
  #busy = false
  #saidForbidden = false
  #cancel = () => {}

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  /** Begins to tell what has been recorded. */
  start(api: ApiRequests): void {
    this.#api = api
    this.#schedule()
  }

  /** What isn't told by now stays untold. */
  stop(): void {
    this.#stopping.abort()
    this.#cancel()
  }

  record(event: ClusterEvent | undefined): void {
    if (event === undefined || this.#stopping.signal.aborted) return
    const { clock, date, random } = this.#options
    const [now, key] = [clock.now(), seriesKey(event)]
    const known = this.#series.get(key)
    this.#series.delete(key)
    if (known !== undefined && now - known.lastAt < limits.seriesIdleMs) {
      this.#series.set(key, known)
      this.#again(known, now)
      return
    }
    if (this.#waiting() >= (isOfNode(event) ? limits.waiting : limits.waitingForService)) {
      this.#options.logger.debug({ reason: event.reason }, 'too many events wait; this one is not told')
      return
    }
    const dueAt = event.oncePerCluster === true ? now + random() * limits.spreadMs : now
    const [serial, today] = [this.#serial++, date()]
    const times = { firstDate: today, lastAt: now, lastDate: today, dueAt }
    this.#series.set(key, { key, event, serial, count: 1, attempts: 0, ...times })
    this.#forgetOldest()
    this.#schedule()
  }

  #again(series: Series, now: number): void {
    series.lastAt = now
    series.lastDate = this.#options.date()
    if (series.event.oncePerCluster === true) return
    series.count++
    const { posted } = series
    if (posted === undefined || series.dueAt !== undefined) return
    series.dueAt = posted.count === 1 ? now : posted.at + limits.seriesUpdateMs
    this.#schedule()
  }

  #waiting(): number {
    let waiting = 0
    for (const { dueAt } of this.#series.values()) if (dueAt !== undefined) waiting++
    return waiting
  }

  #forgetOldest(): void {
    if (this.#series.size <= limits.series) return
    for (const [key, { dueAt }] of this.#series) {
      if (dueAt !== undefined) continue
      this.#series.delete(key)
      return
    }
  }

  /** The one that is due first; but what is due about the node doesn't wait for what is due about Services. */
  #next(now: number): Series | undefined {
    let first: Series | undefined
    let ofNode: Series | undefined
    for (const series of this.#series.values()) {
      if (series.dueAt === undefined) continue
      if (isBefore(series, first)) first = series
      if (series.dueAt <= now && isOfNode(series.event) && isBefore(series, ofNode)) ofNode = series
    }
    return ofNode ?? first
  }

  #schedule(): void {
    if (this.#busy || this.#api === undefined || this.#stopping.signal.aborted) return
    this.#cancel()
    const { clock } = this.#options
    const now = clock.now()
    const next = this.#next(now)
    if (next?.dueAt === undefined) return
    const wait = Math.max(next.dueAt - now, this.#budget.wait(now), 0)
    this.#cancel = clock.after(wait, () => void this.#tellNext())
  }

  async #tellNext(): Promise<void> {
    const now = this.#options.clock.now()
    const series = this.#next(now)
    if (series === undefined || this.#api === undefined) return
    this.#busy = true
    this.#budget.spend(now)
    series.dueAt = undefined
    const reply = await this.#tell(series, this.#api).catch((): undefined => undefined)
    this.#busy = false
    if (this.#stopping.signal.aborted) return
    this.#settle(series, reply)
    this.#schedule()
  }

  /** Creates the Event, or updates its count. @throws when no answer came */
  async #tell(series: Series, api: ApiRequests): Promise<ApiReply> {
    const { event, count, firstDate, lastDate, posted } = series
    const { signal } = this.#stopping
    if (posted !== undefined) {
      const path = `${collection(posted.namespace)}/${encodeURIComponent(posted.name)}`
      const text = JSON.stringify(seriesPatch(count, lastDate))
      const body = { contentType: 'application/merge-patch+json', text }
      const reply = await api.ask({ method: 'PATCH', path, body }, signal)
      if (reply.status === 200) series.posted = { ...posted, at: this.#options.clock.now(), count }
      return reply
    }
    // Where it has to be asked for, that is a request of its own.
    if (event.regarding.kind !== 'Node') this.#budget.spend(this.#options.clock.now())
    const uid = await uidOf(event.regarding, api, signal)
    const reporter = { nodeName: this.#options.nodeName, serial: series.serial }
    const { namespace, name, body } = eventObject(event, reporter, firstDate, uid)
    const text = JSON.stringify(body)
    const request = { contentType: 'application/json', text }
    const reply = await api.ask({ method: 'POST', path: collection(namespace), body: request }, signal)
    // 409: another node has told it, or the answer to this one's first attempt was lost.
    if (reply.status === 201 || reply.status === 409)
      series.posted = { namespace, name, at: this.#options.clock.now(), count: 1 }
    return reply
  }

  #settle(series: Series, reply: ApiReply | undefined): void {
    const { clock, random, logger } = this.#options
    const now = clock.now()
    const status = reply?.status ?? 0
    if (status === 200 || status === 201 || status === 409) {
      series.attempts = 0
      const { posted } = series
      if (posted !== undefined && series.count > posted.count && series.event.oncePerCluster !== true)
        series.dueAt = posted.count === 1 ? now : posted.at + limits.seriesUpdateMs
      return
    }
    const mayPass = status === 0 || status === 429 || status >= 500
    series.attempts++
    if (mayPass && series.attempts < limits.attempts) {
      const retryAfterMs = Math.min(reply?.retryAfterMs ?? 0, limits.retryAfterMaxMs)
      series.dueAt = now + Math.max(backoff(series.attempts, limits, random), retryAfterMs)
      return
    }
    // An answer may have taken so long that a new series has this one's place.
    if (this.#series.get(series.key) === series) this.#series.delete(series.key)
    logger.debug({ status, reason: series.event.reason, answer: reply?.message }, 'an event is not told')
    if (status === 403 && !isNamespaceTerminating(reply?.body)) this.#sayForbidden(reply?.message ?? '')
  }

  #sayForbidden(answer: string): void {
    if (this.#saidForbidden) return
    this.#saidForbidden = true
    this.#options.logger.warn(
      { event: 'events-forbidden', answer },
      `Events can't be told to the API server: ${answer}. Grant create and patch on events.events.k8s.io to this user; ` +
        'everything else goes on, and the log has the same',
    )
  }
}

function isOfNode({ regarding }: ClusterEvent): boolean {
  return regarding.kind === 'Node'
}

function isBefore({ dueAt = Number.POSITIVE_INFINITY }: Series, other: Series | undefined): boolean {
  return other?.dueAt === undefined || dueAt < other.dueAt
}

/** Nothing is made any more in a namespace that is being deleted, whoever asks. */
function isNamespaceTerminating(status: unknown): boolean {
  const { details } = (status ?? {}) as { readonly details?: { readonly causes?: unknown } | null }
  const causes = details?.causes
  return Array.isArray(causes) && causes.some((cause) => cause?.reason === 'NamespaceTerminating')
}

function collection(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`
}

/**
 * By which `kubectl describe` finds an object's events. A Node's are found by its name in place of it, as kubelet tells
 * its own. A Service is listed by its name, because who may list Services need not be allowed to get one.
 */
async function uidOf(
  regarding: ClusterEvent['regarding'],
  api: ApiRequests,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (regarding.kind === 'Node') return regarding.name
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${regarding.name}`, limit: '1' })
  const path = `/api/v1/namespaces/${encodeURIComponent(regarding.namespace)}/services?${query}`
  const { body } = await api.ask({ method: 'GET', path }, signal)
  const { items } = (body ?? {}) as { readonly items?: readonly { readonly metadata?: { uid?: unknown } }[] }
  const uid = Array.isArray(items) ? items[0]?.metadata?.uid : undefined
  return typeof uid === 'string' ? uid : undefined
}
