import type { ClusterRecord } from '../../../cluster/records.ts'
import type { Logger } from '../../../log/logger.ts'
import type { ClusterSink } from '../../cluster-source.ts'
import { identityOf, type ObjectIdentity, resourceVersionOf } from '../requests/api-object.ts'
import type { ObjectParser, Resource } from '../requests/resource.ts'
import { KnownObjects } from './known-objects.ts'

/** A list that is being delivered. */
export interface ListDelivery {
  deliver(raw: unknown, receivedAt: number): void
  /** The list is complete: what it didn't have is removed. */
  end(receivedAt: number): void
}

/** Turns API objects of one resource into records, and lists into differences, for the sink. */
export class Delivery<R extends ClusterRecord> {
  readonly #resource: Resource<R>
  readonly #sink: ClusterSink
  readonly #logger: Logger
  readonly #known = new KnownObjects()
  #synced = false
  #unreadable = false

  constructor(resource: Resource<R>, sink: ClusterSink, logger: Logger) {
    this.#resource = resource
    this.#sink = sink
    this.#logger = logger
  }

  /** How many objects are known. */
  get size(): number {
    return this.#known.size
  }

  /** Whether an object is known in exactly this version. */
  holds({ key, resourceVersion }: ObjectIdentity): boolean {
    return this.#known.holds(key, resourceVersion)
  }

  get isSynced(): boolean {
    return this.#synced
  }

  /** What there is of it is unknown, and has been since the start. */
  get isUnreadable(): boolean {
    return this.#unreadable
  }

  /** Objects of a list are delivered as they come; those that are known in the same version are left out. */
  beginList(): ListDelivery {
    // Where nothing is known, nothing can be gone: the first list, the large one, needs no set of its keys.
    const listed = this.#known.size === 0 ? undefined : new Set<string>()
    return {
      deliver: (raw, receivedAt) => {
        const identity = listed === undefined ? undefined : identityOf(raw)
        if (identity !== undefined) {
          listed?.add(identity.key)
          if (this.holds(identity)) return
        }
        this.deliver(raw, receivedAt)
      },
      end: (receivedAt) => {
        if (listed === undefined) return
        for (const key of this.#known.retain(listed)) this.#sink.remove(this.#resource.kind, key, receivedAt)
      },
    }
  }

  deliver(raw: unknown, receivedAt: number): void {
    const { key, record, problems, unserved } = this.#parse(raw)
    for (const problem of problems) this.#sink.problem(problem)
    if (unserved !== undefined) this.#sink.unserved?.(unserved)
    if (record === undefined) {
      this.#forget(key, receivedAt)
      return
    }
    // The record's own key, so that the same text isn't held twice.
    this.#known.set(record.key, resourceVersionOf(raw))
    this.#sink.set(record, receivedAt)
  }

  remove(raw: unknown, receivedAt: number): void {
    this.#forget(identityOf(raw)?.key ?? '', receivedAt)
  }

  /** @param key empty: of an object that has no usable name, so it was never known */
  #forget(key: string, receivedAt: number): void {
    if (this.#known.delete(key)) this.#sink.remove(this.#resource.kind, key, receivedAt)
  }

  /** The server doesn't serve this resource, or doesn't let us read it: what there is of it is unknown. */
  unreadable(): void {
    this.#unreadable = true
    this.#sink.readable?.(this.#resource.kind, false)
    this.#sayComplete()
  }

  /** The complete list has been delivered: says so the first time. */
  synced(): void {
    if (this.#unreadable) this.#sink.readable?.(this.#resource.kind, true)
    this.#unreadable = false
    this.#sayComplete()
  }

  #sayComplete(): void {
    if (this.#synced) return
    this.#synced = true
    this.#logger.info(
      { event: 'resource-synced', resource: this.#resource.name, objects: this.#known.size },
      `${this.#resource.name} are synced`,
    )
    this.#sink.synced(this.#resource.kind)
  }

  forgetVersions(): void {
    this.#known.forgetVersions()
  }

  /** A parser that throws is a bug of ours, which must cost one object and no more. */
  #parse(raw: unknown): ReturnType<ObjectParser<R>> {
    try {
      return this.#resource.parse(raw)
    } catch (error) {
      const key = identityOf(raw)?.key
      this.#logger.error(
        { event: 'parser-failed', resource: this.#resource.name, object: key, error },
        `the parser failed on ${this.#resource.kind} ${key}: left out`,
      )
      return { key: key ?? '', record: undefined, problems: [] }
    }
  }
}
