import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import {
  encodeEvent,
  encodeList,
  encodeObject,
  encodeStatus,
  enveloped,
  resourceKind,
} from '@portolan/api-server'
import fc from 'fast-check'
import { damagedBytes, damagedText } from '../../../../../test/fuzz/damaged.ts'
import { VirtualClock } from '../../../../time/test/virtual-clock.ts'
import { ApiError } from '../../connection/api-error.ts'
import type { ApiResponse } from '../../connection/connection.ts'
import { expectObjects, readListBody, readReply } from '../api-answer.ts'
import { readEventStream } from '../event-stream.ts'
import { listPages } from '../list-pages.ts'

const object = { kind: 'Service', metadata: { name: 'web', namespace: 'shop', resourceVersion: '7' } }
const line = (type: string, value: object) => `${JSON.stringify({ type, object: value })}\n`
const list = JSON.stringify({ kind: 'ServiceList', metadata: { resourceVersion: '9' }, items: [object] })
const status = { kind: 'Status', code: 410, message: 'too old', details: { retryAfterSeconds: 3 } }

const right = line('MODIFIED', object)
const watch = damagedText(right + line('DELETED', object), line('ERROR', status), line('BOOKMARK', object))

const service = resourceKind('Service')
const encoded = encodeObject(service, object) ?? Buffer.alloc(0)
const frame = (type: string) => encodeEvent(type, enveloped(service, encoded))
const rightFrame = frame('MODIFIED')
const frames = damagedBytes(
  Buffer.concat([rightFrame, frame('DELETED')]),
  encodeEvent('ERROR', encodeStatus(status)),
  frame('BOOKMARK'),
)
const listBytes = Buffer.concat(encodeList(service, { resourceVersion: '9' }, [encoded, encoded]))
const inProtobuf = { contentType: 'application/vnd.kubernetes.protobuf' }

/** An answer of the API server's, in pieces. */
function answer(content: string | Buffer, pieceBytes: number, how: Partial<ApiResponse> = {}): ApiResponse {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  )
  const body = Readable.from(pieces)
  return {
    status: 200,
    contentType: 'application/json',
    contentEncoding: '',
    retryAfterMs: undefined,
    connection: {},
    body,
    ...how,
  }
}

/** Whether what it failed with is what callers know, in words of a bounded length. */
async function declared(reading: Promise<unknown>): Promise<void> {
  try {
    await reading
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    assert.ok(error.message.length < 1000, error.message)
  }
}

const pieceBytes = fc.integer({ min: 1, max: 300 })

/** Events that came whole before the damage are told. */
async function watching(response: ApiResponse): Promise<void> {
  let events = 0
  const onEvent = () => void events++
  const options = { what: 'cannot watch services', clock: new VirtualClock(), heard: () => {}, onEvent }
  await declared(readEventStream(response, options))
  assert.ok(events >= 1)
}

export const watches = fc.asyncProperty(watch, pieceBytes, (text, size) =>
  watching(answer(right + text, size)),
)

export const framedWatches = fc.asyncProperty(frames, pieceBytes, (bytes, size) =>
  watching(answer(Buffer.concat([rightFrame, bytes]), size, inProtobuf)),
)

async function listing(answered: () => ApiResponse): Promise<void> {
  const read = async () => {
    const response = answered()
    await expectObjects(response, 'cannot list services')
    return { body: await readListBody(response, 'cannot list services', () => {}), connection: {} }
  }
  let pages = 0
  const all = async () => {
    for await (const page of listPages({ what: 'cannot list services', read })) {
      assert.ok([...page.items].length >= 0)
      // A server that always has another page is its own matter.
      if (++pages === 3) return
    }
  }
  await declared(all())
}

export const lists = fc.asyncProperty(damagedText(list), pieceBytes, (text, size) =>
  listing(() => answer(text, size)),
)

export const protobufLists = fc.asyncProperty(damagedBytes(listBytes), pieceBytes, (bytes, size) =>
  listing(() => answer(bytes, size, inProtobuf)),
)

export const gzippedLists = fc.asyncProperty(damagedBytes(gzipSync(listBytes)), pieceBytes, (bytes, size) =>
  listing(() => answer(bytes, size, { ...inProtobuf, contentEncoding: 'gzip' })),
)

export const refusals = fc.asyncProperty(
  fc.oneof(damagedText(JSON.stringify(status)), damagedBytes(encodeStatus(status))),
  fc.record({
    status: fc.integer({ min: 200, max: 599 }),
    contentType: fc.string(),
    contentEncoding: fc.constantFrom('', 'gzip', 'br'),
  }),
  async (content, how) => {
    await declared(expectObjects(answer(content, 100, how), 'cannot list services'))
    await declared(readReply(answer(content, 100, how)))
  },
)
