import { promisify } from 'node:util'
import { constants, gunzip, gunzipSync } from 'node:zlib'
import { ApiError } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'

export interface BodyReading {
  /** For messages: `cannot list services`. */
  readonly what: string
  /** Of the body as it is without gzip. */
  readonly limitBytes: number
  /** Called for every piece that arrives. */
  readonly heard: () => void
}

const inflate = promisify(gunzip)

/** A list is some megabytes: in zlib's usual pieces of 16 KiB each would be a turn of the thread pool. */
const pieceBytes = 256 << 10

/** What the beginning of a body may inflate to. */
const beginningBytes = 16 << 20

/**
 * The whole body, without its gzip. Throws {@link ApiError} `API_MALFORMED` where it has more bytes than the limit, and for
 * gzip that is damaged or cut off. No more than the limit is ever held, however far a small body would inflate.
 */
export async function readWhole(
  response: ApiResponse,
  { what, limitBytes, heard }: BodyReading,
): Promise<Buffer> {
  const malformed = (why: string, cause?: unknown) =>
    new ApiError('API_MALFORMED', `${what}: ${why}`, { cause })
  const tooLong = () => malformed(`the answer has more than ${limitBytes} bytes`)
  const { contentEncoding } = response
  if (!isPlain(contentEncoding) && contentEncoding !== 'gzip')
    throw malformed(`the answer is encoded in ${contentEncoding}, which was not asked for`)
  const body = await readAtMost(response, limitBytes, heard)
  if (body.length > limitBytes) throw tooLong()
  if (isPlain(contentEncoding)) return body
  try {
    return await inflate(body, { maxOutputLength: limitBytes, chunkSize: pieceBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong()
    throw malformed(`the answer in gzip is cut off or garbled: ${(error as Error).message}`, error)
  }
}

/** The beginning of a body, of which the rest is left unread; empty for gzip that says nothing so far. */
export async function readBeginning(response: ApiResponse, limitBytes: number): Promise<Buffer> {
  const bytes = await readAtMost(response, limitBytes, () => {})
  if (response.contentEncoding !== 'gzip') return bytes
  try {
    // A proxy's page; as much of it as there is.
    return gunzipSync(bytes, { maxOutputLength: beginningBytes, finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    return bytes.subarray(0, 0)
  }
}

function isPlain(contentEncoding: string): boolean {
  return contentEncoding === '' || contentEncoding === 'identity'
}

async function readAtMost(response: ApiResponse, limitBytes: number, heard: () => void): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    heard()
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > limitBytes) break
  }
  return Buffer.concat(chunks)
}
