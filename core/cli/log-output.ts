import { writeSync } from 'node:fs'

/** Milliseconds until a pipe that is full is tried again. */
const pauseMs = 10

export interface LogOutputOptions {
  /** Writes as much of the bytes as it can, and says how much. Throws the system's error. */
  readonly write?: (bytes: Uint8Array) => number
  /** A line can't be written; once, until one could be. */
  readonly onLost: (error: NodeJS.ErrnoException) => void
  /** Lines can be written again, and so many could not be. */
  readonly onBack: (lost: number) => void
}

/**
 * The lines of a log, each written at once: the last one before an exit is the one that explains it. What can't be
 * written is lost, and neither kept nor an error: a disk that is full ends no proxy. Nor does a reader that has gone.
 */
export class LogOutput {
  readonly #options: LogOutputOptions
  readonly #write: (bytes: Uint8Array) => number
  #lost = 0
  /** A line has been written in part. */
  #isBroken = false
  #isGone = false

  constructor(options: LogOutputOptions) {
    this.#options = options
    this.#write = options.write ?? ((bytes) => writeSync(1, bytes))
  }

  write(line: string): void {
    if (this.#isGone) return
    try {
      this.#writeAll(Buffer.from(this.#isBroken ? `\n${line}` : line))
    } catch (error) {
      this.#lose(error as NodeJS.ErrnoException)
      return
    }
    this.#isBroken = false
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#options.onBack(lost)
  }

  #writeAll(bytes: Uint8Array): void {
    let written = 0
    while (written < bytes.length) {
      try {
        written += this.#write(bytes.subarray(written))
        this.#isBroken = true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
      }
    }
  }

  #lose(error: NodeJS.ErrnoException): void {
    this.#isGone = error.code === 'EPIPE'
    this.#lost += 1
    if (this.#lost === 1 && !this.#isGone) this.#options.onLost(error)
  }
}
