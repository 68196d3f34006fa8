import { randomUUID } from 'node:crypto'
import { type ApiObject, objectKey, type ResourceKind, type StoredObject } from './api-object.ts'
import { encodeObject } from './protobuf/encode.ts'

/** One change in the order of versions. `before` absent: created; `after` absent: deleted. */
export interface StoreEvent {
  readonly version: number
  readonly before?: StoredObject
  readonly after?: StoredObject
}

/** All objects of one resource, and what happened to them lately. */
export class ObjectStore {
  readonly resource: ResourceKind
  readonly #historyLimit: number
  #objects = new Map<string, StoredObject>()
  #history: StoreEvent[] = []
  #oldestVersion = 0
  #sorted: readonly StoredObject[] | undefined
  #inProtobuf = true

  constructor(resource: ResourceKind, historyLimit: number) {
    this.resource = resource
    this.#historyLimit = historyLimit
  }

  /** The oldest version from which a watch can be served. */
  get oldestVersion(): number {
    return this.#oldestVersion
  }

  /** Whether every object that there ever was could be written in protobuf. */
  get inProtobuf(): boolean {
    return this.#inProtobuf
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key)
  }

  /** All objects, sorted by key as etcd has them. Later changes don't show in it. */
  snapshot(): readonly StoredObject[] {
    this.#sorted ??= [...this.#objects.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    return this.#sorted
  }

  put(object: ApiObject, version: number): StoredObject {
    const after = this.#store(object, version)
    const before = this.#objects.get(after.key)
    this.#objects.set(after.key, after)
    this.#record(before === undefined ? { version, after } : { version, before, after })
    return after
  }

  /** One of many objects, without a history: once they are all there, it has to be compacted. */
  load(object: ApiObject, version: number): void {
    const stored = this.#store(object, version)
    this.#objects.set(stored.key, stored)
    this.#sorted = undefined
  }

  /** Whether there was such an object. */
  remove(key: string, version: number): boolean {
    const before = this.#objects.get(key)
    if (before === undefined) return false
    this.#objects.delete(key)
    this.#record({ version, before })
    return true
  }

  /** The events after a version, oldest first; `undefined` when they are no longer all there. */
  since(version: number): readonly StoreEvent[] | undefined {
    if (version < this.#oldestVersion) return undefined
    let start = this.#history.length
    while (start > 0 && (this.#history[start - 1]?.version ?? 0) > version) start--
    return this.#history.slice(start)
  }

  /** Forgets all events up to a version. */
  compact(version: number): void {
    this.#history = this.#history.filter((event) => event.version > version)
    this.#oldestVersion = Math.max(this.#oldestVersion, version)
  }

  /** Becomes what it was; no history goes back before it. */
  restore(objects: readonly StoredObject[], version: number): void {
    this.#objects = new Map(objects.map((object) => [object.key, object]))
    this.#history = []
    this.#oldestVersion = version
    this.#sorted = undefined
  }

  #record(event: StoreEvent): void {
    this.#sorted = undefined
    this.#history.push(event)
    // Cut in bulk: shifting a large array for every event would cost its length each time.
    if (this.#history.length <= this.#historyLimit * 1.25) return
    const dropped = this.#history.splice(0, this.#history.length - this.#historyLimit)
    this.#oldestVersion = dropped.at(-1)?.version ?? this.#oldestVersion
  }

  #store(object: ApiObject, version: number): StoredObject {
    const { kind, apiVersion, metadata, ...rest } = object
    const namespace = this.resource.namespaced ? (metadata.namespace ?? 'default') : ''
    const stored = {
      ...metadata,
      ...(namespace === '' ? {} : { namespace }),
      uid: metadata.uid ?? randomUUID(),
      creationTimestamp: metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      resourceVersion: String(version),
    }
    const whole = { metadata: stored, ...rest }
    const protobuf = encodeObject(this.resource, whole)
    if (protobuf === undefined) this.#inProtobuf = false
    return {
      key: objectKey(this.resource, namespace, metadata.name),
      name: metadata.name,
      namespace,
      version,
      json: Buffer.from(JSON.stringify(whole)),
      protobuf,
      labels: metadata.labels ?? {},
      fields: selectedFields(this.resource, object),
    }
  }
}

function selectedFields(resource: ResourceKind, object: ApiObject): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const path of resource.selectableFields) {
    let value: unknown = object
    for (const name of path.split('.')) {
      value =
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
    }
    if (typeof value === 'string') fields[path] = value
  }
  return fields
}
