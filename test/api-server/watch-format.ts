import type { ResourceKind, StoredObject } from './api-object.ts'
import { type Form, mediaTypes } from './media-type.ts'
import { encodeBookmark, encodeEvent, encodeObject, encodeStatus, enveloped } from './protobuf/encode.ts'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** How the events of a watch are written. */
export interface WatchFormat {
  readonly contentType: string
  /** `undefined` for an object that can't be written so. */
  event(resource: ResourceKind, type: EventType, object: StoredObject): Buffer | undefined
  /** @param version up to which everything has been sent */
  bookmark(resource: ResourceKind, version: number, initialEventsEnd: boolean): Buffer
  error(status: object): Buffer
}

const lineEnd = Buffer.from('}\n')

const jsonLines: WatchFormat = {
  contentType: mediaTypes.json,
  event: (resource, type, object) =>
    Buffer.concat([linePrefix(resource, type), object.json.subarray(1), lineEnd]),
  bookmark(resource, version, initialEventsEnd) {
    const metadata = JSON.stringify(bookmarkMetadata(version, initialEventsEnd))
    return Buffer.concat([linePrefix(resource, 'BOOKMARK'), Buffer.from(`"metadata":${metadata}}`), lineEnd])
  },
  error: (status) => Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
}

const protobufFrames: WatchFormat = {
  contentType: `${mediaTypes.protobuf};stream=watch`,
  event(resource, type, { protobuf }) {
    return protobuf === undefined ? undefined : encodeEvent(type, enveloped(resource, protobuf))
  },
  bookmark(resource, version, initialEventsEnd) {
    const object = encodeBookmark(resource, { metadata: bookmarkMetadata(version, initialEventsEnd) })
    return encodeEvent('BOOKMARK', enveloped(resource, object))
  },
  error: (status) => encodeEvent('ERROR', encodeStatus(status)),
}

export const watchFormats: Readonly<Record<Form, WatchFormat>> = { json: jsonLines, protobuf: protobufFrames }

/** A deleted object is sent in its last state with the version of the deletion. */
export function lastState(resource: ResourceKind, object: StoredObject, version: number): StoredObject {
  const value = JSON.parse(object.json.toString())
  value.metadata.resourceVersion = String(version)
  const json = Buffer.from(JSON.stringify(value))
  return { ...object, version, json, protobuf: encodeObject(resource, value) }
}

function bookmarkMetadata(version: number, initialEventsEnd: boolean): object {
  const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  return { resourceVersion: String(version), ...annotations }
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
