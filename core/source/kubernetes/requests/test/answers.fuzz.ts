import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { damagedText } from '../../../../../test/fuzz/damaged.ts'
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

/** An answer of the API server's, in pieces. */
function answer(text: string, pieceBytes: number, how: Partial<ApiResponse> = {}): ApiResponse {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  )
  const body = Readable.from(pieces)
  return {
    status: 200,
    contentType: 'application/json',
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
export const watches = fc.asyncProperty(watch, pieceBytes, async (text, size) => {
  let events = 0
  const onEvent = () => void events++
  const options = { what: 'cannot watch services', clock: new VirtualClock(), heard: () => {}, onEvent }
  await declared(readEventStream(answer(right + text, size), options))
  assert.ok(events >= 1)
})

export const lists = fc.asyncProperty(damagedText(list), pieceBytes, async (text, size) => {
  const read = async () => {
    const response = answer(text, size)
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
})

export const refusals = fc.asyncProperty(
  damagedText(JSON.stringify(status)),
  fc.record({ status: fc.integer({ min: 200, max: 599 }), contentType: fc.string() }),
  async (text, how) => {
    await declared(expectObjects(answer(text, 100, how), 'cannot list services'))
    await declared(readReply(answer(text, 100, how)))
  },
)
