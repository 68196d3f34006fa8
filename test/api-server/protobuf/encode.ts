import type { ResourceKind } from '../api-object.ts'
import { BackwardWriter } from './backward-writer.ts'
import {
  Inexpressible,
  type Message,
  message,
  nested,
  text,
  writeMessage,
  writeNested,
} from './message-fields.ts'
import { listMeta, objectMessages, status } from './messages.ts'

/** What a Kubernetes server puts before every object that isn't an event of a watch. */
const magic = Buffer.from('k8s\0')

const typeMeta = nested(1, 'typeMeta', message(text(1, 'apiVersion'), text(2, 'kind')))
const listHead = message(nested(1, 'metadata', listMeta))
const envelopeEnd = message(text(3, 'contentEncoding'), text(4, 'contentType'))

const writer = new BackwardWriter()

/** What an object is in protobuf, without an envelope; `undefined` where protobuf can't say it. */
export function encodeObject({ kind }: ResourceKind, object: unknown): Buffer | undefined {
  const fields = objectMessages[kind]
  if (fields === undefined) return undefined
  try {
    return encoded(fields, object)
  } catch (error) {
    if (error instanceof Inexpressible) return undefined
    throw error
  }
}

/** A bookmark's object: one of the resource that has metadata alone. */
export function encodeBookmark({ kind }: ResourceKind, object: unknown): Buffer {
  return encoded(objectMessages[kind] ?? [], object)
}

/** A `Status`, as the answer to a request that failed. */
export function encodeStatus(object: unknown): Buffer {
  return enveloped({ apiVersion: 'v1', kind: 'Status' }, encoded(status, object))
}

/** What stands before the items of a list, and each item as it stands in the list. */
export function encodeList(
  { kind, apiVersion }: ResourceKind,
  metadata: object,
  items: readonly Buffer[],
): Buffer[] {
  const list = [
    encoded(listHead, { metadata }),
    ...items.flatMap((item) => [fieldHead(2, item.length), item]),
  ]
  const length = list.reduce((sum, piece) => sum + piece.length, 0)
  const begin = envelopeBegin({ apiVersion, kind: `${kind}List` }, length)
  return [begin, ...list, encoded(envelopeEnd, undefined)]
}

/** One event of a watch with its length before it. @param object in its envelope */
export function encodeEvent(type: string, object: Buffer): Buffer {
  writeNested(writer, 2, () => writeNested(writer, 1, () => writer.bytes(object)))
  writeMessage(writer, message(text(1, 'type')), { type })
  const event = writer.take()
  const length = Buffer.alloc(4)
  length.writeUInt32BE(event.length)
  return Buffer.concat([length, event])
}

/** An object with its kind, as the only one of an answer or within an event. */
export function enveloped(
  type: { readonly apiVersion: string; readonly kind: string },
  object: Buffer,
): Buffer {
  return Buffer.concat([envelopeBegin(type, object.length), object, encoded(envelopeEnd, undefined)])
}

function envelopeBegin(type: { readonly apiVersion: string; readonly kind: string }, length: number): Buffer {
  const { apiVersion, kind } = type
  writeMessage(writer, [typeMeta], { typeMeta: { apiVersion, kind } })
  return Buffer.concat([magic, writer.take(), fieldHead(2, length)])
}

function fieldHead(number: number, length: number): Buffer {
  writer.varint(length)
  writer.varint((number << 3) | 2)
  return writer.take()
}

/** Throws {@link Inexpressible}; nothing of what was written by then is left for the next message. */
function encoded(fields: Message, value: unknown): Buffer {
  try {
    writeMessage(writer, fields, value)
  } catch (error) {
    writer.take()
    throw error
  }
  return writer.take()
}
