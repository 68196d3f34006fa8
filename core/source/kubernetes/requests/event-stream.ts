import type { Clock } from '../../../time/clock.ts'
import { ApiError } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { LineSplitter } from './line-splitter.ts'
import { type ObjectEvent, readWatchEvent } from './watch-event.ts'

/** Far above what etcd can store; a longer line is garbage that must not fill the memory. */
const lineLimitBytes = 32 << 20

export interface EventStreamOptions {
  /** For messages: `cannot watch services`. */
  readonly what: string
  readonly clock: Clock
  /** Called for every piece that arrives, events in it or not. */
  readonly heard: () => void
  readonly onEvent: (event: ObjectEvent, receivedAt: number) => void
}

/**
 * Reads a watch to its end, one event at a time; each is let go of before the next. Throws {@link ApiError} for an
 * ERROR event, for a line that can't be read, and for an end in the middle of a line.
 */
export async function readEventStream(response: ApiResponse, options: EventStreamOptions): Promise<void> {
  const { what, clock, heard, onEvent } = options
  const lines = new LineSplitter(lineLimitBytes)
  const onLine = (line: string, receivedAt: number) => {
    const event = readWatchEvent(line, what)
    if (event.type === 'ERROR') throw event.error
    onEvent(event, receivedAt)
  }
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    heard()
    lines.push(chunk, clock.now(), onLine)
  }
  if (lines.midLine) throw new ApiError('API_MALFORMED', `${what}: the stream ended in the middle of a line`)
}
