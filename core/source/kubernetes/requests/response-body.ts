import { pipeline, type Readable } from 'node:stream'
import { constants, createGunzip } from 'node:zlib'
import { ApiError } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { BodyBuffer } from './body-buffer.ts'

export interface BodyReading {
  /** For messages: `cannot list services`. */
  readonly what: string
  /** Of the body as it is without gzip. */
  readonly limitBytes: number
  /** Called for every piece that arrives. */
  readonly heard: () => void
  /** What the body is read into; what it held is gone. Default: one of its own. */
  readonly buffer?: BodyBuffer
}

/**
 * A list is some megabytes: in zlib's usual pieces of 16 KiB each would be a turn of the thread pool, and pieces of 128 KiB
 * or more are memory that the C library keeps.
 */
const pieceBytes = 32 << 10

/**
 * The whole body, without its gzip. Throws {@link ApiError}: `API_MALFORMED` where it has more bytes than the limit,
 * `API_GZIP` for gzip that is damaged or cut off, `API_UNREACHABLE` where the connection ended before the body. No more than
 * the limit is ever held, however far a small body would inflate.
 */
export async function readWhole(
  response: ApiResponse,
  { what, limitBytes, heard, buffer = new BodyBuffer() }: BodyReading,
): Promise<Buffer> {
  const { contentEncoding } = response
  if (!isPlain(contentEncoding) && contentEncoding !== 'gzip')
    throw malformed(what, `the answer is encoded in ${contentEncoding}, which was not asked for`)
  buffer.clear()
  try {
    for await (const piece of plainPieces(response)) {
      heard()
      if (buffer.length + piece.length > limitBytes)
        throw malformed(what, `the answer has more than ${limitBytes} bytes`)
      buffer.add(piece)
    }
  } catch (error) {
    if (!isOfZlib(error)) throw error
    expectWhole(response, what)
    throw new ApiError('API_GZIP', `${what}: the answer in gzip is cut off or garbled: ${error.message}`, {
      cause: error,
    })
  }
  expectWhole(response, what)
  return buffer.bytes
}

/** @param finishFlush how gzip has to end: Z_SYNC_FLUSH takes what is cut off */
function plainPieces(
  { body, contentEncoding }: ApiResponse,
  finishFlush: number = constants.Z_FINISH,
): AsyncIterable<Buffer> {
  if (isPlain(contentEncoding)) return body
  // What breaks the body breaks off the reading.
  const inflated: Readable = pipeline(body, createGunzip({ chunkSize: pieceBytes, finishFlush }), () => {})
  return inflated
}

/** Half an answer must not be taken for one that a proxy has spoilt. */
function expectWhole({ brokeOff }: ApiResponse, what: string): void {
  if (brokeOff?.() === true)
    throw new ApiError('API_UNREACHABLE', `${what}: the connection broke in the middle of the answer`)
}

function malformed(what: string, why: string): ApiError {
  return new ApiError('API_MALFORMED', `${what}: ${why}`)
}

function isOfZlib(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}

/**
 * The beginning of a body, of which the rest is left unread: a little more than the limit, where there is more. Of gzip that is
 * cut off or garbled, what came before that.
 */
export async function readBeginning(response: ApiResponse, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  try {
    for await (const piece of plainPieces(response, constants.Z_SYNC_FLUSH)) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes > limitBytes) break
    }
  } catch (error) {
    if (!isOfZlib(error)) throw error
  }
  return Buffer.concat(pieces)
}

function isPlain(contentEncoding: string): boolean {
  return contentEncoding === '' || contentEncoding === 'identity'
}
