import { ApiError, excerpt } from '../connection/api-error.ts'
import { parseJson, statusRetryAfterMs } from './api-answer.ts'
import { member } from './api-object.ts'

export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: unknown
}

export type WatchEvent = ObjectEvent | { readonly type: 'ERROR'; readonly error: ApiError }

/** Reads one line of a watch. Throws {@link ApiError} `API_MALFORMED`. */
export function readWatchEvent(line: string, what: string): WatchEvent {
  const event = parseJson(line)
  const type = member(event, 'type')
  const object = member(event, 'object')
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (typeof object === 'object' && object !== null) return { type, object }
      break
    case 'ERROR':
      return { type, error: errorOf(object, what) }
  }
  throw new ApiError('API_MALFORMED', `${what}: no watch event: ${excerpt(line)}`)
}

function errorOf(status: unknown, what: string): ApiError {
  const code = member(status, 'code')
  const message = `${what}: ${code} ${member(status, 'message') ?? ''}`
  const retryAfterMs = statusRetryAfterMs(status)
  if (typeof code !== 'number') return new ApiError('API_STATUS', message, { retryAfterMs })
  return new ApiError(code === 410 ? 'API_EXPIRED' : 'API_STATUS', message, { status: code, retryAfterMs })
}
