import { encodeEvent, encodeStatus } from '@portolan/api-server'
import test from 'ava'
import { readFrameEvent, readLineEvent, type WatchEvent } from '../watch-event.ts'

const what = 'cannot watch services'
const byLine = (status: unknown) => readLineEvent(JSON.stringify({ type: 'ERROR', object: status }), what)
const byFrame = (status: object) =>
  readFrameEvent(encodeEvent('ERROR', encodeStatus(status)).subarray(4), what)

function errorOf(event: WatchEvent): Record<string, unknown> {
  if (event.type !== 'ERROR') throw new TypeError(`${event.type} instead of ERROR`)
  const { code, status, retryAfterMs, message } = event.error
  return { code, status, retryAfterMs, message }
}

const refusals: readonly (readonly [string, object, Record<string, unknown>])[] = [
  [
    'a version that is gone',
    { message: 'too old', code: 410 },
    { code: 'API_EXPIRED', status: 410, retryAfterMs: undefined, message: `${what}: 410 too old` },
  ],
  [
    'a request to come later',
    { message: 'busy', code: 429, details: { retryAfterSeconds: 3 } },
    { code: 'API_STATUS', status: 429, retryAfterMs: 3000, message: `${what}: 429 busy` },
  ],
  [
    'a Status without a code',
    { message: 'no' },
    { code: 'API_STATUS', status: undefined, retryAfterMs: undefined, message: `${what}: no` },
  ],
  [
    'a Status that says nothing',
    { code: 500 },
    {
      code: 'API_STATUS',
      status: 500,
      retryAfterMs: undefined,
      message: `${what}: 500 an ERROR event without a message`,
    },
  ],
]
for (const [name, status, expected] of refusals) {
  test(`${name} is the same error by JSON and by protobuf`, (t) => {
    t.deepEqual(errorOf(byLine(status)), expected)
    t.deepEqual(errorOf(byFrame(status)), expected)
  })
}

test('of a message of megabytes an error has the beginning', (t) => {
  const status = { code: 500, message: 'x'.repeat(2_000_000) }
  for (const event of [byLine(status), byFrame(status)]) t.true(String(errorOf(event).message).length < 400)
})

test('what is no Status is an error as well', (t) => {
  const odd = { toString: 1, valueOf: 1 }
  for (const status of [null, 7, 'no', [], { code: odd, message: odd, details: odd }])
    t.like(errorOf(byLine(status)), {
      code: 'API_STATUS',
      message: `${what}: an ERROR event without a message`,
    })
})
