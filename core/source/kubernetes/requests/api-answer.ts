import type { ApiReply } from '../../cluster-source.ts'
import { ApiError, excerpt } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { member } from './api-object.ts'

/** Answers to errors are short; what is longer isn't read. */
const errorBodyBytes = 16 << 10

/** Bytes of the answer to a request for one object. */
const replyBytes = 4 << 20

/** Bytes of one list page: V8 can't hold a string of more than half a gigabyte. */
const pageBytes = 256 << 20

/**
 * Throws {@link ApiError} unless the response is a 200 with JSON: `API_EXPIRED`, `API_STATUS`, `API_NOT_JSON`. The
 * message says what the server said.
 */
export async function expectJson(response: ApiResponse, what: string): Promise<void> {
  if (response.status === 200 && response.contentType === 'application/json') return
  const text = (await readErrorBody(response)).toString('utf8')
  const status = response.status
  if (status !== 200) {
    const code = status === 410 ? 'API_EXPIRED' : 'API_STATUS'
    const retryAfterMs = response.retryAfterMs ?? statusRetryAfterMs(parseJson(text))
    throw new ApiError(code, `${what}: ${status} ${statusMessage(text)}`, { status, retryAfterMs })
  }
  throw new ApiError(
    'API_NOT_JSON',
    `${what}: answered ${response.contentType || 'no content type'} (${excerpt(text)}) instead of JSON: is this the address of a Kubernetes API server, or of a proxy before it?`,
    { status },
  )
}

/** Reads a JSON object to its end. Throws {@link ApiError} `API_MALFORMED`. */
export async function readJson(response: ApiResponse, what: string, heard: () => void): Promise<object> {
  const text = (await readAtMost(response, pageBytes, heard)).toString('utf8')
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) {
    throw new ApiError('API_MALFORMED', `${what}: the answer is cut off or garbled: ${excerpt(text)}`)
  }
  return value
}

/** Reads the answer to a single request; of a large one, no more than its beginning, which isn't JSON then. */
export async function readReply(response: ApiResponse): Promise<ApiReply> {
  const { status, retryAfterMs } = response
  const text = (await readAtMost(response, replyBytes)).toString('utf8')
  return { status, body: parseJson(text), message: status < 400 ? '' : statusMessage(text), retryAfterMs }
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

/** The message of a `Status` object, or the text itself. */
export function statusMessage(text: string): string {
  const status = parseJson(text)
  const message = typeof status === 'object' && status !== null && 'message' in status ? status.message : ''
  return typeof message === 'string' && message !== '' ? message.slice(0, 300) : excerpt(text)
}

/** The beginning of an answer that isn't what was asked for; the rest is left unread. */
export function readErrorBody(response: ApiResponse): Promise<Buffer> {
  return readAtMost(response, errorBodyBytes)
}

async function readAtMost(response: ApiResponse, limitBytes: number, heard?: () => void): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    heard?.()
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > limitBytes) break
  }
  return Buffer.concat(chunks)
}
