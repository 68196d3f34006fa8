import { type ApiObject, objectKey, type StoredObject } from './api-object.ts'
import type { ObjectStore } from './object-store.ts'
import type { Request } from './reply.ts'
import type { RequestTarget } from './request-target.ts'
import { StatusError } from './status-error.ts'

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
  const { resource, namespace } = target
  switch (request.method) {
    case 'GET':
      return { status: 200, body: whole(store, existing(store, target)) }
    case 'POST': {
      const object = checked(target, await readBody(request))
      const key = objectKey(resource, object.metadata.namespace, object.metadata.name)
      if (store.get(key) !== undefined) {
        throw new StatusError(
          409,
          'AlreadyExists',
          `${resource.plural} "${object.metadata.name}" already exists`,
        )
      }
      writer.apply(object)
      return { status: 201, body: whole(store, store.get(key)) }
    }
    case 'PUT': {
      const before = existing(store, target)
      const object = checked(target, await readBody(request))
      expectVersion(object, before)
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
      existing(store, target)
      writer.remove(resource.kind, namespace, target.name)
      return { status: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } }
    default:
      throw new StatusError(405, 'MethodNotAllowed', `${request.method} is not supported`)
  }
}

function existing(store: ObjectStore, { resource, namespace, name }: RequestTarget): StoredObject {
  const object = store.get(objectKey(resource, namespace, name))
  if (object === undefined) throw new StatusError(404, 'NotFound', `${resource.plural} "${name}" not found`)
  return object
}

/** An object as a single GET shows it. */
function whole(store: ObjectStore, object: StoredObject | undefined): object {
  const { kind, apiVersion } = store.resource
  return { kind, apiVersion, ...JSON.parse(object?.json.toString() ?? '{}') }
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
    throw new StatusError(400, 'BadRequest', 'the namespace of the object does not match the request')
  }
  return {
    ...object,
    kind: resource.kind,
    metadata: {
      ...metadata,
      name: ownName,
      ...(typeof ownNamespace === 'string' ? { namespace: ownNamespace } : {}),
    },
  }
}

/** An update that names a version must name the present one (optimistic concurrency). */
function expectVersion(object: ApiObject, before: StoredObject): void {
  const version = object.metadata.resourceVersion
  if (version === undefined || version === '' || version === String(before.version)) return
  throw new StatusError(
    409,
    'Conflict',
    'the object has been modified; please apply your changes to the latest version',
  )
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
