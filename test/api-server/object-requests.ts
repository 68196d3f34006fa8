import { type ApiObject, objectKey, type ResourceKind, type StoredObject } from './api-object.ts'
import { withDefaults } from './defaults.ts'
import type { ObjectStore } from './object-store.ts'
import type { Request } from './reply.ts'
import type { RequestTarget } from './request-target.ts'
import { alreadyExists, conflict, notFound, StatusError } from './status-error.ts'

/** The changes that a write request may make. */
export interface Writer {
  apply(object: ApiObject): string
  remove(kind: string, namespace: string | undefined, name: string): string | undefined
}

const bodyBytes = 3 << 20

/** GET, POST, PUT, PATCH (JSON merge patch) and DELETE of one object, with the answers that kubectl expects. */
export async function answerObject(
  request: Request,
  target: RequestTarget,
  store: ObjectStore,
  writer: Writer,
): Promise<{ status: number; body: object }> {
  const { resource } = target
  switch (request.method) {
    case 'GET':
      return { status: 200, body: whole(store, existing(store, target)) }
    case 'POST': {
      const object = checked(target, await readBody(request))
      const key = objectKey(resource, object.metadata.namespace, object.metadata.name)
      if (store.get(key) !== undefined) throw alreadyExists(resource, object.metadata.name)
      writer.apply(object)
      return { status: 201, body: whole(store, store.get(key)) }
    }
    case 'PUT': {
      const before = existing(store, target)
      const object = checked(target, await readBody(request))
      expectVersion(resource, object, before)
      writer.apply(keepIdentity(object, before))
      return { status: 200, body: whole(store, store.get(before.key)) }
    }
    case 'PATCH': {
      const before = existing(store, target)
      const object = checked(target, merge(JSON.parse(before.json.toString()), await readBody(request)))
      writer.apply(keepIdentity(object, before))
      return { status: 200, body: whole(store, store.get(before.key)) }
    }
    case 'DELETE':
      return { status: 200, body: removed(store, existing(store, target), writer) }
    default:
      throw new StatusError(
        405,
        'MethodNotAllowed',
        'the server does not allow this method on the requested resource',
        { details: {} },
      )
  }
}

function existing(store: ObjectStore, { resource, namespace, name }: RequestTarget): StoredObject {
  const object = store.get(objectKey(resource, namespace, name))
  if (object === undefined) throw notFound(resource, name)
  return object
}

/** An object as a single GET shows it. */
function whole(store: ObjectStore, object: StoredObject | undefined): object {
  const { kind, apiVersion } = store.resource
  return { kind, apiVersion, ...JSON.parse(object?.json.toString() ?? '{}') }
}

/** The object as it was, with the version of its deletion. */
function removed(store: ObjectStore, before: StoredObject, writer: Writer): object {
  const resourceVersion = writer.remove(store.resource.kind, before.namespace, before.name)
  const { metadata, ...rest } = JSON.parse(before.json.toString())
  const { kind, apiVersion } = store.resource
  return { kind, apiVersion, metadata: { ...metadata, resourceVersion }, ...rest }
}

function checked({ resource, namespace, name }: RequestTarget, body: unknown): ApiObject {
  const object = asObject(body)
  const metadata = asObject(object.metadata)
  const ownName = name === '' ? metadata.name : name
  if (typeof ownName !== 'string' || ownName === '' || (metadata.name ?? ownName) !== ownName) {
    throw new StatusError(
      422,
      'Invalid',
      `metadata.name: ${JSON.stringify(metadata.name)}: want the object's name`,
    )
  }
  const ownNamespace = namespace === '' ? metadata.namespace : namespace
  if ((metadata.namespace ?? ownNamespace) !== ownNamespace) {
    throw new StatusError(
      400,
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    )
  }
  return withDefaults({
    ...object,
    kind: resource.kind,
    metadata: {
      ...metadata,
      name: ownName,
      ...(typeof ownNamespace === 'string' ? { namespace: ownNamespace } : {}),
    },
  })
}

/** An update that names a version must name the present one (optimistic concurrency). */
function expectVersion(resource: ResourceKind, object: ApiObject, before: StoredObject): void {
  const version = object.metadata.resourceVersion
  if (version === undefined || version === '' || version === String(before.version)) return
  throw conflict(resource, before.name)
}

function keepIdentity(object: ApiObject, before: StoredObject): ApiObject {
  const { uid, creationTimestamp } = JSON.parse(before.json.toString()).metadata
  return { ...object, metadata: { ...object.metadata, uid, creationTimestamp } }
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = merge(merged[name], value)
  }
  return merged
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new StatusError(400, 'BadRequest', 'the body is no API object')
}

async function readBody(request: Request): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > bodyBytes) throw new StatusError(413, 'RequestEntityTooLarge', 'the body is too large')
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new StatusError(400, 'BadRequest', 'the body is no JSON')
  }
}
