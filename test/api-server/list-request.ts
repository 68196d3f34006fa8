import type { StoredObject } from './api-object.ts'
import type { ObjectStore } from './object-store.ts'
import { type Reply, ReplyWriter } from './reply.ts'
import type { Selector } from './selector.ts'
import { expired, StatusError } from './status-error.ts'

/** How many lists in pages can be under way per resource before the oldest one expires. */
const heldSnapshots = 8

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

  /** `limit` 0: everything. Throws {@link StatusError}: 400 for a broken continue token, 410 for an expired one. */
  async answer(reply: Reply, selector: Selector, limit: number, continueToken: string): Promise<void> {
    const { version, start, objects } = this.#resume(continueToken)
    const page: StoredObject[] = []
    let next = start
    for (; next < objects.length && (limit === 0 || page.length < limit); next++) {
      const object = objects[next]
      if (object !== undefined && selector(object)) page.push(object)
    }
    const more = next < objects.length
    if (more) this.#hold(version, objects)
    const { kind, apiVersion } = this.#store.resource
    const metadata = {
      resourceVersion: String(version),
      ...(more ? { continue: Buffer.from(`${version}:${next}`).toString('base64url') } : {}),
    }
    const head = JSON.stringify({ kind: `${kind}List`, apiVersion, metadata })
    reply.writeHead(200, { 'content-type': 'application/json' })
    const writer = new ReplyWriter(reply)
    await writer.writeAll(pieces(`${head.slice(0, -1)},"items":[`, page))
    writer.end()
  }

  /** Lists under way can't be continued any more. */
  forget(): void {
    this.#held.clear()
  }

  #resume(token: string): { version: number; start: number; objects: readonly StoredObject[] } {
    if (token === '') return { version: this.#version(), start: 0, objects: this.#store.snapshot() }
    const match = /^(\d+):(\d+)$/.exec(Buffer.from(token, 'base64url').toString())
    if (match === null) throw new StatusError(400, 'BadRequest', 'continue key is not valid')
    const version = Number(match[1])
    const objects = this.#held.get(version)
    if (objects === undefined) throw expired()
    return { version, start: Number(match[2]), objects }
  }

  #hold(version: number, objects: readonly StoredObject[]): void {
    this.#held.set(version, objects)
    const [oldest] = this.#held.keys()
    if (this.#held.size > heldSnapshots && oldest !== undefined) this.#held.delete(oldest)
  }
}

function* pieces(head: string, page: readonly StoredObject[]): Generator<Buffer> {
  yield Buffer.from(head)
  for (const [index, object] of page.entries()) {
    if (index > 0) yield comma
    yield object.json
  }
  yield Buffer.from(']}\n')
}
