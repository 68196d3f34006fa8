import type { ResourceKind, StoredObject } from './api-object.ts'
import { gzipped } from './gzip.ts'
import { type Form, mediaTypes } from './media-type.ts'
import type { ObjectStore } from './object-store.ts'
import { encodeList } from './protobuf/encode.ts'
import { type Reply, ReplyWriter } from './reply.ts'
import type { Selector } from './selector.ts'
import { continueExpired, listTooOld, StatusError, tooLarge } from './status-error.ts'

export interface ListQuery {
  readonly form: Form
  /** Empty: all of them. */
  readonly namespace: string
  /** 0: everything. */
  readonly limit: number
  /** Of the page before; empty: none. */
  readonly token: string
  /** 0: none. */
  readonly resourceVersion: number
  /** Whether it is to be just that version; otherwise that one or a later one. */
  readonly exact: boolean
  /** Whether there are selectors: then it isn't known how many are left. */
  readonly selects: boolean
  /** Whether the client takes gzip. */
  readonly gzip: boolean
}

interface ListState {
  readonly version: number
  /** The key after which it goes on; empty: from the first object. */
  readonly after: string
  readonly all: readonly StoredObject[]
}

/** How many lists in pages can be under way per resource before the oldest one expires. */
const heldSnapshots = 8

/** What has fewer bytes isn't worth it to kube-apiserver. */
const gzipBytes = 128 << 10

const comma = Buffer.from(',')

/** Answers LIST requests of one resource; all pages of one list show the same moment. */
export class Lister {
  readonly #store: ObjectStore
  readonly #version: () => number
  readonly #held = new Map<number, readonly StoredObject[]>()

  constructor(store: ObjectStore, version: () => number) {
    this.#store = store
    this.#version = version
  }

  /**
   * Throws {@link StatusError}: 400 for a broken continue token, 410 for an expired one or an old version that is asked
   * for exactly, 504 for a version that is still to come.
   */
  async answer(reply: Reply, selector: Selector, query: ListQuery): Promise<void> {
    const { form, limit, namespace } = query
    const { version, after, all } = this.#begin(query)
    const objects = namespace === '' ? all : all.filter((object) => object.namespace === namespace)
    const start = after === '' ? 0 : firstAfter(objects, after)
    const page: StoredObject[] = []
    let next = start
    for (; next < objects.length && (limit === 0 || page.length < limit); next++) {
      const object = objects[next]
      if (object !== undefined && selector(object)) page.push(object)
    }
    const more = next < objects.length
    if (more) this.#hold(version, all)
    const metadata = {
      resourceVersion: String(version),
      ...(more ? { continue: continueToken(version, objects[next - 1]?.key ?? '') } : {}),
      ...(more && !query.selects ? { remainingItemCount: objects.length - next } : {}),
    }
    const body = pieces[form](this.#store.resource, metadata, page)
    const bytes = page.reduce((sum, object) => sum + (object[form]?.length ?? 0), 0)
    const headers = { 'content-type': mediaTypes[form] }
    if (query.gzip && bytes > gzipBytes) {
      reply.writeHead(200, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
      const writer = new ReplyWriter(reply)
      for await (const piece of gzipped(body)) await writer.write(piece)
      writer.end()
      return
    }
    reply.writeHead(200, headers)
    const writer = new ReplyWriter(reply)
    await writer.writeAll(body)
    writer.end()
  }

  /** Lists under way can't be continued any more. */
  forget(): void {
    this.#held.clear()
  }

  #begin({ resourceVersion, exact, token }: ListQuery): ListState {
    const version = this.#version()
    if (token !== '') return this.#resume(token)
    if (resourceVersion > version) throw tooLarge(resourceVersion, version)
    if (!exact || resourceVersion === version) return { version, after: '', all: this.#store.snapshot() }
    const all = this.#held.get(resourceVersion)
    if (all === undefined) throw listTooOld()
    return { version: resourceVersion, after: '', all }
  }

  #resume(token: string): ListState {
    const match = /^(\d+|-1):(.+)$/.exec(Buffer.from(token, 'base64url').toString())
    const [, of, after] = match ?? []
    if (of === undefined || after === undefined)
      throw new StatusError(400, 'BadRequest', 'invalid continue token: continue key is not valid')
    const version = of === '-1' ? this.#version() : Number(of)
    const all = of === '-1' ? this.#store.snapshot() : this.#held.get(version)
    if (all === undefined) throw continueExpired(continueToken(-1, after))
    return { version, after, all }
  }

  #hold(version: number, objects: readonly StoredObject[]): void {
    this.#held.set(version, objects)
    const [oldest] = this.#held.keys()
    if (this.#held.size > heldSnapshots && oldest !== undefined) this.#held.delete(oldest)
  }
}

/** @param version of the list; -1: whatever is there when it goes on */
function continueToken(version: number, after: string): string {
  return Buffer.from(`${version}:${after}`).toString('base64url')
}

function firstAfter(objects: readonly StoredObject[], key: string): number {
  let [low, high] = [0, objects.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((objects[middle]?.key ?? '') > key) high = middle
    else low = middle + 1
  }
  return low
}

const pieces = {
  *json({ kind, apiVersion }: ResourceKind, metadata: object, page: readonly StoredObject[]) {
    const head = JSON.stringify({ kind: `${kind}List`, apiVersion, metadata })
    yield Buffer.from(`${head.slice(0, -1)},"items":[`)
    for (const [index, object] of page.entries()) {
      if (index > 0) yield comma
      yield object.json
    }
    yield Buffer.from(']}\n')
  },
  protobuf: (resource: ResourceKind, metadata: object, page: readonly StoredObject[]) =>
    encodeList(
      resource,
      metadata,
      page.flatMap(({ protobuf }) => protobuf ?? []),
    ),
} as const
