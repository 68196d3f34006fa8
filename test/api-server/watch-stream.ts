import type { ResourceKind, StoredObject } from './api-object.ts'
import type { ObjectStore, StoreEvent } from './object-store.ts'
import { type Reply, ReplyWriter } from './reply.ts'
import type { Selector } from './selector.ts'
import { type StatusError, statusObject, tooLarge, tooOld } from './status-error.ts'

export interface WatchRequest {
  readonly selector: Selector
  /** Events after this version are sent. */
  readonly fromVersion: number
  /** Whether all objects are sent first, as ADDED events. */
  readonly initialEvents: boolean
  /** Whether a bookmark says where the initial events end (KEP-3157). */
  readonly endBookmark: boolean
  readonly bookmarks: boolean
  /** 0: no limit. */
  readonly timeoutSeconds: number
}

/** Before the end of a watch that has a time limit. */
const lastBookmarkMs = 2000

const lineEnd = Buffer.from('}\n')

/**
 * One watch: a place in the store's history that moves as fast as the client reads, so that a slow client costs no
 * memory but its place may expire.
 */
export class WatchStream {
  readonly #store: ObjectStore
  readonly #request: WatchRequest
  readonly #writer: ReplyWriter
  readonly #version: () => number
  readonly #timers: NodeJS.Timeout[] = []
  #sentVersion: number
  #pumping = false

  constructor(store: ObjectStore, version: () => number, request: WatchRequest, reply: Reply) {
    this.#store = store
    this.#version = version
    this.#request = request
    this.#sentVersion = request.fromVersion
    reply.writeHead(200, { 'content-type': 'application/json' })
    // Sends the headers: the client knows that it watches before anything happens.
    reply.write('')
    this.#writer = new ReplyWriter(reply)
    const limitMs = request.timeoutSeconds * 1000
    if (limitMs > 0) this.#timers.push(setTimeout(() => this.end(), limitMs))
    // So that the next watch goes on from as late a version as can be.
    if (limitMs > lastBookmarkMs)
      this.#timers.push(setTimeout(() => void this.bookmark(), limitMs - lastBookmarkMs))
    reply.once('close', () => this.#stopTimers())
  }

  get closed(): boolean {
    return this.#writer.closed
  }

  async start(): Promise<void> {
    if (this.#request.initialEvents) {
      this.#pumping = true
      const { resource } = this.#store
      const version = this.#version()
      if (this.#request.fromVersion > version) return this.fail(tooLarge(this.#request.fromVersion, version))
      const selected = this.#store.snapshot().filter(this.#request.selector)
      await this.#writer.writeAll(addedLines(resource, selected))
      this.#sentVersion = version
      if (this.#request.endBookmark) await this.#writer.write(bookmarkLine(resource, version, true))
      this.#pumping = false
    }
    await this.pump()
  }

  /** Sends what has happened since. */
  async pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    while (!this.#writer.closed) {
      const events = this.#store.since(this.#sentVersion)
      if (events === undefined) {
        this.fail(tooOld(this.#sentVersion, this.#store.oldestVersion))
        break
      }
      const last = events.at(-1)
      if (last === undefined) break
      await this.#writer.writeAll(this.#lines(events))
      this.#sentVersion = last.version
    }
    this.#pumping = false
  }

  /** A client that has been sent everything needn't care about what is compacted. */
  caughtUp(version: number): void {
    if (!this.#pumping) this.#sentVersion = Math.max(this.#sentVersion, version)
  }

  /** Tells the client how far it is; not while it waits for a version that is still to come. */
  async bookmark(): Promise<void> {
    const version = this.#version()
    if (!this.#request.bookmarks || this.#pumping || version < this.#sentVersion) return
    this.#sentVersion = version
    await this.#writer.write(bookmarkLine(this.#store.resource, version, false))
  }

  /** Sends an ERROR event and ends. */
  fail(error: StatusError): void {
    this.sendRaw(`${JSON.stringify({ type: 'ERROR', object: statusObject(error) })}\n`)
    this.end()
  }

  /** Sends bytes that needn't be a watch event. */
  sendRaw(text: string): void {
    void this.#writer.write(text)
  }

  end(): void {
    this.#stopTimers()
    this.#writer.end()
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  *#lines(events: readonly StoreEvent[]): Generator<Buffer> {
    const { selector } = this.#request
    for (const { before, after, version } of events) {
      const was = before !== undefined && selector(before)
      const is = after !== undefined && selector(after)
      if (is) yield eventLine(this.#store.resource, was ? 'MODIFIED' : 'ADDED', after)
      else if (was) yield eventLine(this.#store.resource, 'DELETED', lastState(before, version))
    }
  }
}

function* addedLines(resource: ResourceKind, objects: readonly StoredObject[]): Generator<Buffer> {
  for (const object of objects) yield eventLine(resource, 'ADDED', object)
}

function eventLine(resource: ResourceKind, type: string, object: StoredObject): Buffer {
  return Buffer.concat([linePrefix(resource, type), object.json.subarray(1), lineEnd])
}

/** A deleted object is sent in its last state with the version of the deletion. */
function lastState(object: StoredObject, version: number): StoredObject {
  const value = JSON.parse(object.json.toString())
  value.metadata.resourceVersion = String(version)
  return { ...object, version, json: Buffer.from(JSON.stringify(value)) }
}

function bookmarkLine(resource: ResourceKind, version: number, initialEventsEnd: boolean): Buffer {
  const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = JSON.stringify({ resourceVersion: String(version), ...annotations })
  return Buffer.concat([linePrefix(resource, 'BOOKMARK'), Buffer.from(`"metadata":${metadata}}`), lineEnd])
}

const prefixes = new Map<string, Buffer>()

function linePrefix({ kind, apiVersion }: ResourceKind, type: string): Buffer {
  const name = `${type} ${kind}`
  let prefix = prefixes.get(name)
  if (prefix === undefined) {
    prefix = Buffer.from(`{"type":"${type}","object":{"kind":"${kind}","apiVersion":"${apiVersion}",`)
    prefixes.set(name, prefix)
  }
  return prefix
}
