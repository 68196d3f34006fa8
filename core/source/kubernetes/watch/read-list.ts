import type { Clock } from '../../../time/clock.ts'
import { ApiError } from '../connection/api-error.ts'
import type { ChildAbort } from '../connection/child-abort.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { expectObjects, readListBody } from '../requests/api-answer.ts'
import type { BodyBuffer } from '../requests/body-buffer.ts'
import { IdleTimeout } from './idle-timeout.ts'

export interface ListReading {
  /** For messages: `cannot list services`. */
  readonly what: string
  readonly clock: Clock
  /** Silence in the middle of the answer that ends the attempt, in milliseconds. */
  readonly timeoutMs: number
  /** What it is read into, where the same is used again. */
  readonly buffer?: BodyBuffer
}

/** Reads a list, or one page of it, to its end. Throws {@link ApiError}. */
export async function readList(
  response: ApiResponse,
  attempt: ChildAbort,
  { what, clock, timeoutMs, buffer }: ListReading,
): Promise<object> {
  const silence = new IdleTimeout(clock, timeoutMs, () =>
    attempt.abort(new ApiError('API_SILENT', `${what}: the answer stopped in the middle`)),
  )
  try {
    await expectObjects(response, what)
    return await readListBody(response, what, () => silence.heard(), buffer)
  } finally {
    silence.stop()
  }
}
