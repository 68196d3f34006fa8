import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { ApiError, type ApiErrorCode } from '../../connection/api-error.ts'
import type { ApiResponse } from '../../connection/connection.ts'
import { BodyBuffer } from '../body-buffer.ts'
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

const damaged: readonly (readonly [string, Buffer | Readable, string, ApiErrorCode, RegExp])[] = [
  [
    'gzip that is cut off',
    zipped.subarray(0, -9),
    'gzip',
    'API_GZIP',
    /in gzip is cut off or garbled: unexpected end of file$/,
  ],
  ['gzip without its checksum', zipped.subarray(0, -8), 'gzip', 'API_GZIP', /in gzip is cut off or garbled/],
  ['what is no gzip', text, 'gzip', 'API_GZIP', /in gzip is cut off or garbled: incorrect header check$/],
  ['another coding', zipped, 'br', 'API_MALFORMED', /is encoded in br, which was not asked for$/],
  ['a body over the limit', Buffer.alloc(limitBytes + 1), '', 'API_MALFORMED', /more than 1048576 bytes$/],
  [
    'a body that inflates to more than the limit',
    gzipSync(Buffer.alloc(limitBytes + 1)),
    'gzip',
    'API_MALFORMED',
    /more than 1048576 bytes$/,
  ],
]
for (const [what, bytes, encoding, code, message] of damaged) {
  test(`${what} is an error that says so`, async (t) => {
    await t.throwsAsync(() => read(bytes, encoding), { instanceOf: ApiError, code, message })
  })
}

for (const encoding of ['', 'gzip']) {
  test(`a body that ended because its connection did is nothing that a proxy has spoilt: ${encoding || 'plain'}`, async (t) => {
    const half = encoding === 'gzip' ? zipped.subarray(0, 50) : text.subarray(0, 50)
    const broken = { ...answer(half, encoding), brokeOff: () => true }
    const reading = { what: 'cannot list services', limitBytes, heard: () => {} }
    await t.throwsAsync(() => readWhole(broken, reading), { code: 'API_UNREACHABLE' })
  })
}

test('a body that would inflate to gigabytes is left as soon as it has passed the limit', async (t) => {
  const member = gzipSync(Buffer.alloc(limitBytes))
  let taken = 0
  function* members() {
    for (; taken < 4096; taken++) yield member
  }
  const body = Readable.from(members()).on('error', () => {})
  const closed = new Promise((resolve) => body.once('close', resolve))
  await t.throwsAsync(() => read(body, 'gzip'), { message: /more than \d+ bytes$/ })
  // What streams have read ahead.
  t.true(taken < 100, `${taken} MiB`)
  await closed
})

for (const encoding of ['', 'gzip']) {
  test(`a buffer that is used again holds the next body and nothing of the last: ${encoding || 'plain'}`, async (t) => {
    const buffer = new BodyBuffer()
    const bodies = [text, Buffer.alloc(limitBytes, 'x'), Buffer.from('short'), Buffer.alloc(0), text]
    for (const body of bodies) {
      const bytes = encoding === 'gzip' ? gzipSync(body) : body
      const reading = { what: 'cannot list services', limitBytes, heard: () => {}, buffer }
      t.true(body.equals(await readWhole(answer(bytes, encoding), reading)))
    }
  })
}

test('what breaks a body in gzip breaks off its reading, with its own reason', async (t) => {
  const reason = new ApiError('API_CONNECTION_REPLACED', 'another connection spoke first')
  const body = new Readable({ read() {} })
  body.push(zipped.subarray(0, 20))
  const reading = read(body, 'gzip')
  setImmediate(() => body.destroy(reason))
  t.is(await t.throwsAsync(() => reading), reason)
})

test('of the page that a proxy sends in gzip, what came of its beginning is read', async (t) => {
  const page = gzipSync('<html>'.repeat(10_000) + Math.random())
  t.true((await readBeginning(answer(page, 'gzip'), 100)).toString().startsWith('<html><html>'))
  t.is((await readBeginning(answer(text, 'gzip'), 100)).length, 0)
})

test('of a page in gzip that is cut off, all that came of it is read', async (t) => {
  const page = randomBytes(100_000).toString('hex')
  const whole = gzipSync(page)
  const beginning = await readBeginning(answer(whole.subarray(0, whole.length / 2), 'gzip'), limitBytes)
  t.true(beginning.length > 50_000, `${beginning.length} bytes`)
  t.true(page.startsWith(beginning.toString()))
})

for (const encoding of ['', 'gzip']) {
  test(`of a beginning no more is held than a piece over the limit: ${encoding || 'plain'}`, async (t) => {
    const piece = Buffer.alloc(limitBytes)
    const bytes = encoding === 'gzip' ? gzipSync(piece) : piece
    let taken = 0
    function* pieces() {
      for (; taken < 4096; taken++) yield bytes
    }
    const beginning = await readBeginning(answer(Readable.from(pieces()), encoding), 5000)
    t.true(beginning.length > 5000 && beginning.length <= 5000 + limitBytes, `${beginning.length} bytes`)
    // What streams have read ahead.
    t.true(taken < 100, `${taken} MiB`)
  })
}

test('a beginning that its connection broke off is an error', async (t) => {
  const reason = new ApiError('API_CONNECTION_REPLACED', 'another connection spoke first')
  for (const encoding of ['', 'gzip']) {
    const body = new Readable({ read() {} })
    body.push(zipped.subarray(0, 20))
    const reading = readBeginning(answer(body, encoding), limitBytes)
    setImmediate(() => body.destroy(reason))
    t.is(await t.throwsAsync(() => reading), reason)
  }
})
