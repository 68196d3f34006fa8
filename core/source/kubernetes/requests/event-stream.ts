import type { Clock } from '../../../time/clock.ts'
import { ApiError } from '../connection/api-error.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { formOf } from './answer-form.ts'
import { FrameSplitter } from './frame-splitter.ts'
import { LineSplitter } from './line-splitter.ts'
import { type ObjectEvent, readFrameEvent, readLineEvent, type WatchEvent } from './watch-event.ts'

/** Far above what etcd can store; a longer event is garbage that must not fill the memory. */
const eventLimitBytes = 32 << 20

export interface EventStreamOptions {
  /** For messages: `cannot watch services`. */
  readonly what: string
  readonly clock: Clock
  /** Called for every piece that arrives, events in it or not. */
  readonly heard: () => void
  readonly onEvent: (event: ObjectEvent, receivedAt: number) => void
}

/** Takes a watch's bytes as they come. */
interface EventSplitter {
  push(chunk: Buffer, receivedAt: number): void
  /** Where the stream stands: within a line or a frame, so that it is cut off if it ends. */
  readonly within: string | undefined
}

/**
 * Reads a watch to its end, one event at a time; each is let go of before the next. Throws {@link ApiError} for an
 * ERROR event, for an event that can't be read, and for an end in the middle of one.
 */
export async function readEventStream(response: ApiResponse, options: EventStreamOptions): Promise<void> {
  const { what, clock, heard, onEvent } = options
  const take = (event: WatchEvent, receivedAt: number) => {
    if (event.type === 'ERROR') throw event.error
    onEvent(event, receivedAt)
  }
  const events = formOf(response) === 'protobuf' ? framed(what, take) : lined(what, take)
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    heard()
    events.push(chunk, clock.now())
  }
  if (events.within !== undefined)
    throw new ApiError('API_MALFORMED', `${what}: the stream ended in the middle of a ${events.within}`)
}

type Take = (event: WatchEvent, receivedAt: number) => void

function lined(what: string, take: Take): EventSplitter {
  const lines = new LineSplitter(eventLimitBytes)
  const onLine = (line: string, receivedAt: number) => take(readLineEvent(line, what), receivedAt)
  return {
    push: (chunk, receivedAt) => lines.push(chunk, receivedAt, onLine),
    get within() {
      return lines.midLine ? 'line' : undefined
    },
  }
}

function framed(what: string, take: Take): EventSplitter {
  const frames = new FrameSplitter(eventLimitBytes)
  const onFrame = (frame: Buffer, receivedAt: number) => take(readFrameEvent(frame, what), receivedAt)
  return {
    push: (chunk, receivedAt) => frames.push(chunk, receivedAt, onFrame),
    get within() {
      return frames.midFrame ? 'frame' : undefined
    },
  }
}
