import type { Kind, StoredObject } from './api-object.ts'
import type { Authentication } from './authentication.ts'
import type { ClusterState, ServedResource } from './cluster-state.ts'
import { cutOffGzip, type Fault, loginPage, overloadedText, reasons } from './faults.ts'
import { acceptsGzip } from './gzip.ts'
import { type Form, negotiate } from './media-type.ts'
import { answerObject } from './object-requests.ts'
import { answerJson, answerStatus, type Reply, type Request } from './reply.ts'
import { type RequestTarget, readTarget } from './request-target.ts'
import { readSelector } from './selector.ts'
import {
  forbidden,
  forbiddenOption,
  noProgressNotifications,
  notServed,
  StatusError,
  statusObject,
  tooOld,
} from './status-error.ts'
import { WatchStream } from './watch-stream.ts'

/** One request, for tests to look at. */
export interface ServedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The header Accept. */
  readonly accept: string
  /** The header Accept-Encoding; empty: none. */
  readonly acceptEncoding: string
}

/**
 * `failed`: answered with 200 and then with an ERROR event of code 500, as by Kubernetes 1.36 with an etcd older than 3.4.25
 * or 3.5.8.
 */
export type WatchListSupport = 'served' | 'failed'

export interface HttpApiOptions {
  readonly state: ClusterState
  readonly authentication: Authentication
  /** Looked up for every request, so that it may change. */
  readonly faults: ReadonlyMap<Kind, Fault>
  readonly watchList: WatchListSupport
  readonly fieldSelectors: 'all' | 'metadata'
  readonly expiredAs: 'status' | 'event'
}

/** How a list or a watch may be written. */
interface Acceptable {
  readonly form: Form
  /** Lists only. */
  readonly gzip: boolean
}

/** Answers HTTP requests as a Kubernetes API server does. */
export class HttpApi {
  /** The last 1000 or so. */
  readonly requests: ServedRequest[] = []
  /** Called with each request before it is answered. */
  onRequest: (request: ServedRequest) => void = () => {}
  readonly #options: HttpApiOptions

  constructor(options: HttpApiOptions) {
    this.#options = options
  }

  /** Never rejects: what goes wrong is the answer. */
  async answer(request: Request, reply: Reply): Promise<void> {
    try {
      await this.#serve(request, reply)
    } catch (error) {
      const known =
        error instanceof StatusError ? error : new StatusError(500, 'InternalError', (error as Error).message)
      try {
        const { retryAfterSeconds } = known.extras
        const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
        const form = negotiate(request.headers.accept)
        answerStatus(reply, form, known.status, statusObject(known), headers)
      } catch {
        // The headers were out already: all that is left is to end.
        reply.end()
      }
    }
  }

  async #serve(request: Request, reply: Reply): Promise<void> {
    const { state } = this.#options
    const url = new URL(request.url ?? '/', 'http://embedded')
    const served = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      accept: request.headers.accept ?? '',
      acceptEncoding: String(request.headers['accept-encoding'] ?? ''),
    }
    this.requests.push(served)
    this.onRequest(served)
    if (this.requests.length > 1000) this.requests.splice(0, 500)
    if (!this.#options.authentication.accepts(request))
      throw new StatusError(401, 'Unauthorized', 'Unauthorized')
    if (/^\/(readyz|livez|healthz)$/.test(url.pathname)) {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      reply.end('ok')
      return
    }
    if (url.pathname === '/version') {
      answerJson(reply, 200, { major: '1', minor: '36', gitVersion: 'v1.36.0+portolan-embedded' })
      return
    }
    const target = readTarget(url.pathname)
    if (target === undefined) {
      throw notServed()
    }
    if (await this.#misbehave(request, target, url.searchParams, reply)) return
    const resource = state.resource(target.resource.kind)
    if (target.name !== '' || request.method !== 'GET') {
      const { status, body } = await answerObject(request, target, resource.store, state)
      answerJson(reply, status, body)
      return
    }
    const form = resource.store.inProtobuf ? negotiate(request.headers.accept) : 'json'
    const gzip = acceptsGzip(request.headers['accept-encoding'])
    await this.#answerCollection(resource, target, url.searchParams, { form, gzip }, reply)
  }

  async #answerCollection(
    served: ServedResource,
    { resource, namespace }: RequestTarget,
    query: URLSearchParams,
    { form, gzip }: Acceptable,
    reply: Reply,
  ): Promise<void> {
    const { state, expiredAs, fieldSelectors } = this.#options
    const selectable = fieldSelectors === 'all' ? resource : { ...resource, selectableFields: [] }
    const selected = readSelector(selectable, query.get('labelSelector'), query.get('fieldSelector'))
    const selector =
      namespace === ''
        ? selected
        : (object: StoredObject) => object.namespace === namespace && selected(object)
    if (!['true', '1'].includes(query.get('watch') ?? '')) {
      if (query.has('sendInitialEvents'))
        throw forbiddenOption('sendInitialEvents', 'sendInitialEvents is forbidden for list')
      await served.lister.answer(reply, selector, {
        form,
        gzip,
        limit: wholeNumber(query, 'limit'),
        token: query.get('continue') ?? '',
        resourceVersion: wholeNumber(query, 'resourceVersion'),
        exact: query.get('resourceVersionMatch') === 'Exact',
        namespace,
        selects: query.has('labelSelector') || query.has('fieldSelector'),
      })
      return
    }
    const watchList = readWatchList(query)
    const fromVersion = wholeNumber(query, 'resourceVersion')
    // Without a version a watch starts with the state that is, with or without watch-list.
    const initialEvents = watchList || fromVersion === 0
    const isExpired = !initialEvents && served.store.since(fromVersion) === undefined
    if (isExpired && expiredAs === 'status') throw tooOld(fromVersion, served.store.oldestVersion)
    const watch = {
      form,
      selector,
      fromVersion,
      initialEvents,
      endBookmark: watchList,
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      timeoutSeconds: wholeNumber(query, 'timeoutSeconds'),
    }
    const stream = new WatchStream(served.store, () => state.version, watch, reply)
    if (stream.closed) return
    served.streams.add(stream)
    reply.once('close', () => served.streams.delete(stream))
    if (watchList && this.#options.watchList === 'failed') return stream.fail(noProgressNotifications())
    await stream.start()
  }

  /** Whether the request has been dealt with by a fault. */
  async #misbehave(
    request: Request,
    target: RequestTarget,
    query: URLSearchParams,
    reply: Reply,
  ): Promise<boolean> {
    const { kind } = target.resource
    const fault = this.#options.faults.get(kind)
    switch (fault?.kind) {
      case undefined:
        return false
      case 'status':
        if (fault.retryAfterSeconds !== undefined)
          reply.setHeader('retry-after', String(fault.retryAfterSeconds))
        throw new StatusError(fault.status, reasons[fault.status] ?? 'Unknown', `${kind} is made to fail`)
      case 'overloaded':
        reply.writeHead(429, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' })
        reply.end(overloadedText)
        return true
      case 'forbidden':
        throw forbidden(target.resource, target.namespace, fault.user, verbOf(request, query))
      case 'not-acceptable':
        if (negotiate(request.headers.accept) === 'json') return false
        reply.writeHead(406, { 'content-type': 'text/plain' })
        reply.end('Not Acceptable\n')
        return true
      case 'html':
        reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        reply.end(loginPage)
        return true
      case 'truncated':
        reply.writeHead(200, { 'content-type': 'application/json' })
        reply.end('{"kind":"List","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"na')
        return true
      case 'spoilt-gzip':
      case 'cut-off-gzip':
      case 'stuck-gzip':
        if (fault.kind === 'spoilt-gzip' && !acceptsGzip(request.headers['accept-encoding'])) return false
        reply.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        if (fault.kind === 'stuck-gzip') reply.write(cutOffGzip())
        else reply.end(cutOffGzip())
        return true
      case 'hang':
        return true
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
        return false
    }
  }
}

function verbOf({ method }: Request, query: URLSearchParams): 'list' | 'watch' | 'create' {
  return method === 'POST' ? 'create' : query.has('watch') ? 'watch' : 'list'
}

function readWatchList(query: URLSearchParams): boolean {
  if (query.get('sendInitialEvents') !== 'true') return false
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw forbiddenOption(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    )
  }
  return true
}

function wholeNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? ''
  if (!/^\d*$/.test(text))
    throw new StatusError(400, 'BadRequest', `${name}: ${JSON.stringify(text)}: want a number`)
  return Number(text)
}
