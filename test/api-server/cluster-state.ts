import {
  type ApiObject,
  type Kind,
  objectKey,
  resourceKind,
  resourceKinds,
  type StoredObject,
} from './api-object.ts'
import { Lister } from './list-request.ts'
import { ObjectStore } from './object-store.ts'
import type { WatchStream } from './watch-stream.ts'

/** What a server held at one moment. */
export interface Checkpoint {
  readonly version: number
  readonly objects: ReadonlyMap<Kind, readonly StoredObject[]>
}

export interface ServedResource {
  readonly store: ObjectStore
  readonly lister: Lister
  /** The watches that are open. */
  readonly streams: Set<WatchStream>
}

/** All objects of the cluster, with one version for all resources as in etcd, and who watches them. */
export class ClusterState {
  readonly #resources = new Map<Kind, ServedResource>()
  #version = 1

  constructor(historyLimit: number) {
    for (const resource of resourceKinds) {
      const store = new ObjectStore(resource, historyLimit)
      const lister = new Lister(store, () => this.#version)
      this.#resources.set(resource.kind, { store, lister, streams: new Set() })
    }
  }

  /** Of the last change. */
  get version(): number {
    return this.#version
  }

  /** Throws a TypeError for a kind that isn't served. */
  resource(kind: string): ServedResource {
    const resource = resourceKind(kind)
    const served = this.#resources.get(resource.kind)
    if (served === undefined) throw new TypeError(`${kind} is not served`)
    return served
  }

  /** Creates or replaces an object; returns its new resourceVersion. */
  apply(object: ApiObject): string {
    const served = this.resource(object.kind)
    const stored = served.store.put(object, ++this.#version)
    pump(served)
    return String(stored.version)
  }

  /** Deletes an object; returns the deletion's resourceVersion, or `undefined` if there was none. */
  remove(kind: string, namespace: string | undefined, name: string): string | undefined {
    const served = this.resource(kind)
    const key = objectKey(served.store.resource, namespace, name)
    if (!served.store.remove(key, this.#version + 1)) return undefined
    this.#version += 1
    pump(served)
    return String(this.#version)
  }

  /** Creates or replaces many objects at once. Watchers are told to list again. */
  load(objects: Iterable<ApiObject>): void {
    const loaded = new Set<ServedResource>()
    // One after the other as they are made: of a large cluster, all of them together are gigabytes.
    for (const object of objects) {
      const served = this.resource(object.kind)
      served.store.load(object, ++this.#version)
      loaded.add(served)
    }
    for (const served of loaded) {
      served.store.compact(this.#version)
      pump(served)
    }
  }

  /** Forgets the history. A client that has been sent everything needn't care. */
  compact(): void {
    for (const { store, lister, streams } of this.#resources.values()) {
      for (const stream of streams) stream.caughtUp(this.#version)
      store.compact(this.#version)
      lister.forget()
    }
  }

  checkpoint(): Checkpoint {
    const objects = [...this.#resources].map(([kind, { store }]) => [kind, store.snapshot()] as const)
    return { version: this.#version, objects: new Map(objects) }
  }

  /** Goes back to a checkpoint, versions and all; watches end. */
  restore(checkpoint: Checkpoint): void {
    this.#version = checkpoint.version
    for (const [kind, { store, lister, streams }] of this.#resources) {
      for (const stream of streams) stream.end()
      store.restore(checkpoint.objects.get(kind) ?? [], checkpoint.version)
      lister.forget()
    }
  }

  *streams(): Generator<WatchStream> {
    for (const { streams } of this.#resources.values()) yield* streams
  }
}

function pump({ streams }: ServedResource): void {
  for (const stream of streams) void stream.pump()
}
