import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { ApiError } from '../../connection/api-error.ts'
import type { ApiResponse } from '../../connection/connection.ts'
import { readBeginning, readWhole } from '../response-body.ts'

function answer(bytes: Buffer | Readable, contentEncoding: string): ApiResponse {
  const body = bytes instanceof Readable ? bytes : Readable.from([bytes])
  return {
    status: 200,
    contentType: 'application/json',
    contentEncoding,
    retryAfterMs: undefined,
    connection: {},
    body,
  }
}

const limitBytes = 1 << 20
const read = (bytes: Buffer | Readable, contentEncoding: string) =>
  readWhole(answer(bytes, contentEncoding), { what: 'cannot list services', limitBytes, heard: () => {} })

const text = Buffer.from('{"items":[]}'.repeat(1000))
const zipped = gzipSync(text)

const readable: readonly (readonly [string, Buffer, string])[] = [
  ['a plain body', text, ''],
  ['one that is said to be plain', text, 'identity'],
  ['one in gzip', zipped, 'gzip'],
  [
    'one in several members of gzip',
    Buffer.concat([gzipSync(text.subarray(0, 9)), gzipSync(text.subarray(9))]),
    'gzip',
  ],
]
for (const [what, bytes, encoding] of readable) {
  test(`${what} is read whole`, async (t) => {
    t.deepEqual(await read(bytes, encoding), text)
  })
}

const damaged: readonly (readonly [string, Buffer | Readable, string, RegExp])[] = [
  [
    'gzip that is cut off',
    zipped.subarray(0, -9),
    'gzip',
    /in gzip is cut off or garbled: unexpected end of file$/,
  ],
  ['gzip without its checksum', zipped.subarray(0, -8), 'gzip', /in gzip is cut off or garbled/],
  ['what is no gzip', text, 'gzip', /in gzip is cut off or garbled: incorrect header check$/],
  ['another coding', zipped, 'br', /is encoded in br, which was not asked for$/],
  ['a body over the limit', Buffer.alloc(limitBytes + 1), '', /more than 1048576 bytes$/],
  [
    'a body that inflates to more than the limit',
    gzipSync(Buffer.alloc(limitBytes + 1)),
    'gzip',
    /more than 1048576 bytes$/,
  ],
]
for (const [what, bytes, encoding, message] of damaged) {
  test(`${what} is an error that says so`, async (t) => {
    const error = await t.throwsAsync(() => read(bytes, encoding), { instanceOf: ApiError, message })
    t.is((error as ApiError).code, 'API_MALFORMED')
  })
}

const member = gzipSync(Buffer.alloc(16 << 20))

test('a body that would inflate to gigabytes takes no more memory than the limit allows', async (t) => {
  // 4 GiB.
  const bytes = Buffer.concat(Array.from({ length: 256 }, () => member))
  const limit = 16 << 20
  t.true(bytes.length < limit)
  const before = process.resourceUsage().maxRSS
  const response = answer(bytes, 'gzip')
  const reading = readWhole(response, { what: 'cannot list services', limitBytes: limit, heard: () => {} })
  await t.throwsAsync(() => reading, { message: /more than \d+ bytes$/ })
  const grownBytes = (process.resourceUsage().maxRSS - before) * 1024
  t.true(grownBytes < 8 * limit, `${grownBytes} bytes`)
})

test('of the page that a proxy sends in gzip, what came of its beginning is read', async (t) => {
  const page = gzipSync('<html>'.repeat(10_000) + Math.random())
  t.true((await readBeginning(answer(page, 'gzip'), 100)).toString().startsWith('<html><html>'))
  t.is((await readBeginning(answer(text, 'gzip'), 100)).length, 0)
})
