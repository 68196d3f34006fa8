import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiObject, resourceKind } from '@portolan/api-server'
import { monotonic } from '../measure/clock.ts'
import { type ApiRequests, RequestError } from './api-requests.ts'
import type { Written } from './api-server.ts'
import type { ClusterChange } from './cluster-change.ts'

/** Requests at a time while the cluster is filled and emptied. */
export const requestsAtOnce = 16
/** Without one more namespace gone for so long, no more go: a cluster without a controller manager removes none. */
const timeoutMs = 10_000

/**
 * The benchmark's objects in a cluster that is given: in namespaces of its own, whose names begin with one
 * prefix and which are removed at the end. ClusterIPs are the server's to allocate. Nothing else is written.
 */
export class GivenCluster {
  /** Begins the name of each namespace. */
  readonly prefix: string
  readonly #requests: ApiRequests
  readonly #namespaces = new Map<string, Promise<unknown>>()
  /** Path to the resourceVersion of what is there. */
  readonly #written = new Map<string, string>()
  /** What is being written; never rejects. */
  #filling: Promise<unknown> = Promise.resolve()
  /** Nothing is written any more: what came behind the emptying would stay. */
  #isOver = false

  /** @param name tells this run from others in the same cluster */
  constructor(requests: ApiRequests, name: string) {
    this.prefix = `portolan-bench-${name}-`
    this.#requests = requests
  }

  /** @throws RequestError when the server doesn't accept one of them: then no more are written */
  async fill(objects: Iterable<ApiObject>): Promise<void> {
    let failed = false
    const filling = each(objects, async (object) => {
      if (failed) return
      await this.#write(object).catch((error) => {
        failed = true
        throw error
      })
    })
    this.#filling = filling.catch(() => {})
    await filling
  }

  /** Makes a change, and tells how many of its events an `EventTrace` will see: a write that changes nothing is none. */
  async change({ write = [], remove = [] }: ClusterChange): Promise<Written> {
    const sentAt = monotonic()
    let events = 0
    for (const object of write) if (await this.#write(object)) events += 1
    for (const object of remove) {
      const removed = await this.#remove(object)
      // A slice that goes is none that is traced.
      if (removed && object.kind !== 'EndpointSlice') events += 1
    }
    return { sentAt, events }
  }

  /** What the server has allocated. */
  async clusterIP(namespace: string, name: string): Promise<string> {
    const path = this.#pathOf({ kind: 'Service', metadata: { namespace, name } })
    const { spec } = await this.#requests.send('GET', path)
    if (spec?.clusterIP === undefined) throw new Error(`${path} has no ClusterIP`)
    return spec.clusterIP
  }

  /**
   * Removes everything, and waits until it is gone.
   * @returns the namespaces that are still there, deleted and with nothing in them
   */
  async empty(): Promise<readonly string[]> {
    this.#isOver = true
    await this.#filling
    const names = [...this.#namespaces.keys()]
    await each(names, async (name) => {
      // One by one: there is no other way for Services in all releases, and slices may go first or last.
      const paths = [...this.#written.keys()].filter((path) => path.includes(`/namespaces/${name}/`))
      for (const path of paths) await this.#gone(this.#requests.send('DELETE', path))
      await this.#gone(this.#requests.send('DELETE', `/api/v1/namespaces/${name}`))
    })
    this.#written.clear()
    this.#namespaces.clear()
    let left = names
    for (let lastGone = monotonic(); left.length > 0 && monotonic() - lastGone < timeoutMs; ) {
      const still = await this.#stillThere(left)
      if (still.length < left.length) lastGone = monotonic()
      left = still
      if (left.length > 0) await sleep(500)
    }
    return left
  }

  async #stillThere(names: readonly string[]): Promise<string[]> {
    const { items = [] } = await this.#requests.send('GET', '/api/v1/namespaces')
    const present = new Set(items.map(({ metadata }) => metadata?.name))
    return names.filter((name) => present.has(name))
  }

  async #write(object: ApiObject): Promise<boolean> {
    if (this.#isOver) throw new Error('the benchmark is over: its objects are being removed')
    await this.#namespaceOf(object)
    const path = this.#pathOf(object)
    const before = this.#written.get(path)
    const body = this.#bodyOf(object)
    const { metadata } =
      before === undefined
        ? await this.#requests.send('POST', path.slice(0, path.lastIndexOf('/')), body)
        : await this.#requests.send('PUT', path, body)
    const version = metadata?.resourceVersion ?? ''
    this.#written.set(path, version)
    return version !== before
  }

  async #remove(object: ApiObject): Promise<boolean> {
    const path = this.#pathOf(object)
    if (!this.#written.delete(path)) return false
    await this.#requests.send('DELETE', path)
    return true
  }

  /** Made when the first object needs it; all that come meanwhile wait for it. */
  #namespaceOf(object: ApiObject): Promise<unknown> {
    const name = this.#namespace(object)
    let made = this.#namespaces.get(name)
    if (made === undefined) {
      const labels = { 'app.kubernetes.io/managed-by': 'portolan-bench' }
      made = this.#requests.send('POST', '/api/v1/namespaces', { metadata: { name, labels } })
      this.#namespaces.set(name, made)
      // One that couldn't be made is none to remove.
      made.catch(() => this.#namespaces.delete(name))
    }
    return made
  }

  #namespace({ metadata }: ApiObject): string {
    return `${this.prefix}${metadata.namespace ?? 'default'}`
  }

  #pathOf(object: ApiObject): string {
    const { prefix, plural } = resourceKind(object.kind)
    return `${prefix}/namespaces/${this.#namespace(object)}/${plural}/${object.metadata.name}`
  }

  /** Without what is the server's to fill in. */
  #bodyOf(object: ApiObject): object {
    const { kind, metadata, spec, status: _, ...rest } = object
    const { name, labels, annotations } = metadata
    const { clusterIP: __, clusterIPs: ___, ...wanted } = (spec ?? {}) as Record<string, unknown>
    return {
      apiVersion: resourceKind(kind).apiVersion,
      kind,
      metadata: {
        name,
        namespace: this.#namespace(object),
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
      },
      ...rest,
      ...(spec === undefined ? {} : { spec: wanted }),
    }
  }

  async #gone(deletion: Promise<unknown>): Promise<void> {
    await deletion.catch((error) => {
      if (!(error instanceof RequestError && error.status === 404)) throw error
    })
  }
}

/** Takes a step for each, some at a time, and all of them whatever one comes to. @throws what the first failed by */
async function each<One>(all: Iterable<One>, step: (one: One) => Promise<void>): Promise<void> {
  const queue = all[Symbol.iterator]()
  const failures: unknown[] = []
  const work = async () => {
    for (const one of { [Symbol.iterator]: () => queue })
      await step(one).catch((error) => failures.push(error))
  }
  await Promise.all(Array.from({ length: requestsAtOnce }, work))
  if (failures.length > 0) throw failures[0]
}
