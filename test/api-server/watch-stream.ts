import type { StoredObject } from './api-object.ts'
import type { Form } from './media-type.ts'
import type { ObjectStore, StoreEvent } from './object-store.ts'
import { type Reply, ReplyWriter } from './reply.ts'
import type { Selector } from './selector.ts'
import { type StatusError, statusObject, tooLarge, tooOld } from './status-error.ts'
import { type EventType, lastState, type WatchFormat, watchFormats } from './watch-format.ts'

export interface WatchRequest {
  readonly form: Form
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

/**
 * One watch: a place in the store's history that moves as fast as the client reads, so that a slow client costs no
 * memory but its place may expire.
 */
export class WatchStream {
  readonly #store: ObjectStore
  readonly #request: WatchRequest
  readonly #format: WatchFormat
  readonly #writer: ReplyWriter
  readonly #version: () => number
  readonly #timers: NodeJS.Timeout[] = []
  #sentVersion: number
  #pumping = false

  constructor(store: ObjectStore, version: () => number, request: WatchRequest, reply: Reply) {
    this.#store = store
    this.#version = version
    this.#request = request
    this.#format = watchFormats[request.form]
    this.#sentVersion = request.fromVersion
    reply.writeHead(200, { 'content-type': this.#format.contentType })
    // Sends the headers: the client knows that it watches before anything happens.
    reply.write('')
    this.#writer = new ReplyWriter(reply)
    if (this.closed) return
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
      const version = this.#version()
      if (this.#request.fromVersion > version) return this.fail(tooLarge(this.#request.fromVersion, version))
      const selected = this.#store.snapshot().filter(this.#request.selector)
      await this.#writer.writeAll(this.#added(selected))
      this.#sentVersion = version
      if (this.#request.endBookmark) await this.#writer.write(this.#bookmark(version, true))
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
      await this.#writer.writeAll(this.#events(events))
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
    await this.#writer.write(this.#bookmark(version, false))
  }

  /** Sends an ERROR event and ends. */
  fail(error: StatusError): void {
    void this.#writer.write(this.#format.error(statusObject(error)))
    this.end()
  }

  /** Sends bytes that needn't be a watch event. */
  sendRaw(text: Uint8Array | string): void {
    void this.#writer.write(text)
  }

  end(): void {
    this.#stopTimers()
    this.#writer.end()
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #bookmark(version: number, initialEventsEnd: boolean): Buffer {
    return this.#format.bookmark(this.#store.resource, version, initialEventsEnd)
  }

  *#added(objects: readonly StoredObject[]): Generator<Buffer> {
    for (const object of objects) yield* this.#event('ADDED', object)
  }

  *#events(events: readonly StoreEvent[]): Generator<Buffer> {
    const { selector } = this.#request
    for (const { before, after, version } of events) {
      const was = before !== undefined && selector(before)
      const is = after !== undefined && selector(after)
      if (is) yield* this.#event(was ? 'MODIFIED' : 'ADDED', after)
      else if (was) yield* this.#event('DELETED', lastState(this.#store.resource, before, version))
    }
  }

  /** What can't be said in this format ends the watch: the next one is answered in another. */
  *#event(type: EventType, object: StoredObject): Generator<Buffer> {
    if (this.closed) return
    const event = this.#format.event(this.#store.resource, type, object)
    if (event === undefined) this.end()
    else yield event
  }
}
