import { ApiError, excerpt } from '../connection/api-error.ts'
import { readFrame, readObject } from '../protobuf/answer.ts'
import { parseJson, readingProtobuf, statusMessage, statusRetryAfterMs } from './api-answer.ts'
import { member } from './api-object.ts'

export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: unknown
}

export type WatchEvent = ObjectEvent | { readonly type: 'ERROR'; readonly error: ApiError }

/** Reads one line of a watch in JSON. Throws {@link ApiError} `API_MALFORMED`. */
export function readLineEvent(line: string, what: string): WatchEvent {
  const event = parseJson(line)
  const read = eventOf(member(event, 'type'), member(event, 'object'), what)
  if (read !== undefined) return read
  throw new ApiError('API_MALFORMED', `${what}: no watch event: ${excerpt(line)}`)
}

/** Reads one frame of a watch in protobuf. Throws {@link ApiError} `API_PROTOBUF`. */
export function readFrameEvent(frame: Buffer, what: string): WatchEvent {
  return readingProtobuf(what, () => {
    const { type, object } = readFrame(frame)
    const read = eventOf(type, readObject(object), what)
    if (read !== undefined) return read
    throw new ApiError('API_PROTOBUF', `${what}: no watch event: ${excerpt(type)}`)
  })
}

function eventOf(type: unknown, object: unknown, what: string): WatchEvent | undefined {
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return typeof object === 'object' && object !== null ? { type, object } : undefined
    case 'ERROR':
      return { type, error: errorOf(object, what) }
    default:
      return undefined
  }
}

function errorOf(status: unknown, what: string): ApiError {
  const code = member(status, 'code')
  const said = statusMessage(status) ?? 'an ERROR event without a message'
  const retryAfterMs = statusRetryAfterMs(status)
  if (typeof code !== 'number') return new ApiError('API_STATUS', `${what}: ${said}`, { retryAfterMs })
  return new ApiError(code === 410 ? 'API_EXPIRED' : 'API_STATUS', `${what}: ${code} ${said}`, {
    status: code,
    retryAfterMs,
  })
}
