import { ApiError } from '../connection/api-error.ts'

const newline = 10

/**
 * Cuts a stream of chunks into lines, working on bytes: a line becomes a string once, when it is whole, so that a
 * character may lie across two chunks.
 */
export class LineSplitter {
  readonly #limitBytes: number
  #rest: Buffer[] = []
  #restBytes = 0
  #restSince = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Whether the stream stands in the middle of a line: if it ends here, the line was cut off. */
  get midLine(): boolean {
    return this.#restBytes > 0
  }

  /**
   * Calls `onLine` for every line that the chunk completes, with the time at which the line's first byte arrived.
   * Empty lines are left out. Throws {@link ApiError} `API_MALFORMED` for a line over the limit.
   */
  push(chunk: Buffer, receivedAt: number, onLine: (line: string, receivedAt: number) => void): void {
    let start = 0
    let end = chunk.indexOf(newline)
    if (end >= 0 && this.#restBytes > 0) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(0, end)]).toString('utf8')
      const since = this.#restSince
      this.#rest = []
      this.#restBytes = 0
      onLine(line, since)
      start = end + 1
      end = chunk.indexOf(newline, start)
    }
    while (end >= 0) {
      if (end > start) onLine(chunk.toString('utf8', start, end), receivedAt)
      start = end + 1
      end = chunk.indexOf(newline, start)
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start), receivedAt)
  }

  #keep(rest: Buffer, receivedAt: number): void {
    if (this.#restBytes === 0) this.#restSince = receivedAt
    this.#rest.push(rest)
    this.#restBytes += rest.length
    if (this.#restBytes > this.#limitBytes) {
      throw new ApiError(
        'API_MALFORMED',
        `a line of the watch is longer than ${this.#limitBytes} bytes: no Kubernetes object can be`,
      )
    }
  }
}
