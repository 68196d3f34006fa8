import type { ApiReply } from '../../cluster-source.ts'
import { ApiError, excerpt } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { isProtobuf, readListOrStatus, readObject } from '../protobuf/answer.ts'
import { WireError } from '../protobuf/wire-reader.ts'
import { formOf } from './answer-form.ts'
import { member } from './api-object.ts'
import { BodyBuffer } from './body-buffer.ts'
import { readBeginning, readWhole } from './response-body.ts'

/** Answers to errors are short; what is longer isn't read. */
const errorBodyBytes = 16 << 10

/** Bytes of the answer to a request for one object. */
const replyBytes = 4 << 20

/** Bytes of one list page, as it is without gzip: V8 can't hold a string of more than half a gigabyte. */
const pageBytes = 256 << 20

/**
 * Throws {@link ApiError} unless the response is a 200 in a form that is read here: `API_EXPIRED`, `API_STATUS`,
 * `API_NOT_JSON`. The message says what the server said.
 */
export async function expectObjects(response: ApiResponse, what: string): Promise<void> {
  if (response.status === 200 && formOf(response) !== undefined) return
  const body = await readErrorBody(response)
  const status = response.status
  if (status !== 200) {
    const code = status === 410 ? 'API_EXPIRED' : 'API_STATUS'
    const said = statusIn(body)
    const retryAfterMs = response.retryAfterMs ?? statusRetryAfterMs(said)
    throw new ApiError(code, `${what}: ${status} ${statusMessage(said) ?? beginningOf(body)}`, {
      status,
      retryAfterMs,
    })
  }
  throw new ApiError(
    'API_NOT_JSON',
    `${what}: answered ${response.contentType || 'no content type'} (${beginningOf(body)}) instead of protobuf or JSON: is this the address of a Kubernetes API server, or of a proxy before it?`,
    { status },
  )
}

/**
 * Reads a list, or a page of one, to its end. Throws {@link ApiError} `API_MALFORMED` or `API_PROTOBUF`.
 * @param buffer holds the items of protobuf until they have been gone through
 */
export async function readListBody(
  response: ApiResponse,
  what: string,
  heard: () => void,
  buffer = new BodyBuffer(),
): Promise<object> {
  const body = await readWhole(response, { what, limitBytes: pageBytes, heard, buffer })
  if (formOf(response) === 'protobuf') {
    const list = readingProtobuf(what, () => readListOrStatus(body))
    return { ...list, items: readingItems(list.items as Iterable<unknown> | undefined, what) }
  }
  const text = body.toString('utf8')
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) {
    throw new ApiError('API_MALFORMED', `${what}: the answer is cut off or garbled: ${excerpt(text)}`)
  }
  return value
}

/** Reads the answer to a single request; of a large one, no more than its beginning, which isn't JSON then. */
export async function readReply(response: ApiResponse): Promise<ApiReply> {
  const { status, retryAfterMs } = response
  const bytes = await readBeginning(response, replyBytes)
  const body = parseJson(bytes.toString('utf8'))
  const message = status < 400 ? '' : (statusMessage(body) ?? beginningOf(bytes))
  return { status, body, message, retryAfterMs }
}

/** Throws {@link ApiError} `API_PROTOBUF` for what is no protobuf, or not the API's. */
export function readingProtobuf<Value>(what: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new ApiError('API_PROTOBUF', `${what}: the answer in protobuf can't be read: ${error.message}`)
  }
}

/** Items that are read as they are asked for. */
function* readingItems(items: Iterable<unknown> | undefined, what: string): Generator<unknown> {
  const iterator = (items ?? [])[Symbol.iterator]()
  for (;;) {
    const { done, value } = readingProtobuf(what, () => iterator.next())
    if (done) return
    yield value
  }
}

/** `undefined` for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** For how long a `Status` object asks not to be asked again. */
export function statusRetryAfterMs(status: unknown): number | undefined {
  const seconds = member(member(status, 'details'), 'retryAfterSeconds')
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
}

/** The beginning of an answer that isn't what was asked for; the rest is left unread. */
export function readErrorBody(response: ApiResponse): Promise<Buffer> {
  return readBeginning(response, errorBodyBytes)
}

/** A `Status` in either form; `undefined` for anything else, such as a text. */
function statusIn(body: Buffer): unknown {
  if (!isProtobuf(body)) return parseJson(body.toString('utf8'))
  try {
    return readObject(body)
  } catch {
    return undefined
  }
}

/** The message of a `Status` object, or the beginning of it; `undefined` where it has none. */
export function statusMessage(status: unknown): string | undefined {
  const message = member(status, 'message')
  return typeof message === 'string' && message !== '' ? message.slice(0, 300) : undefined
}

function beginningOf(body: Buffer): string {
  return excerpt(body.toString('utf8'))
}
