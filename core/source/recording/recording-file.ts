import { open, unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip, type Gzip } from 'node:zlib'
import type { RecordingLine } from './recording-lines.ts'

/** Takes the lines of a recording. */
export interface LineOutput {
  line(line: RecordingLine): void
  /** Resolves when more may be written without piling it up in memory. */
  drained(): Promise<void>
}

/**
 * A recording that is being written. The file is new and for its owner only: even with pseudonyms it tells how a cluster
 * is built.
 */
export class RecordingFile implements LineOutput {
  readonly path: string
  readonly #gzip: Gzip
  readonly #written: Promise<void>
  readonly #bytes: () => number
  /** Rejects when the file can't be written: the disk is full. Never resolves. */
  readonly failed: Promise<never>

  private constructor(path: string, gzip: Gzip, written: Promise<void>, bytes: () => number) {
    this.path = path
    this.#gzip = gzip
    this.#written = written
    this.#bytes = bytes
    this.failed = new Promise((_, reject) => written.catch(reject))
    this.failed.catch(() => {})
  }

  /** @throws EEXIST when there is such a file, and what else keeps it from being made */
  static async create(path: string): Promise<RecordingFile> {
    const handle = await open(path, 'wx', 0o600)
    const stream = handle.createWriteStream()
    const gzip = createGzip()
    return new RecordingFile(path, gzip, pipeline(gzip, stream), () => stream.bytesWritten)
  }

  /** On the disk so far. */
  get bytes(): number {
    return this.#bytes()
  }

  line(line: RecordingLine): void {
    if (!this.#gzip.destroyed) this.#gzip.write(`${JSON.stringify(line)}\n`)
  }

  /** Resolves also when nothing can be written any more, which `failed` tells. */
  async drained(): Promise<void> {
    const gzip = this.#gzip
    if (!gzip.writableNeedDrain) return
    await new Promise<void>((resolve) => {
      const done = () => {
        gzip.off('drain', done)
        gzip.off('close', done)
        resolve()
      }
      gzip.once('drain', done)
      gzip.once('close', done)
    })
  }

  /** Writes what there is, so that a file which is cut off here can be read up to here. Costs a few bytes. */
  flush(): void {
    if (!this.#gzip.destroyed) this.#gzip.flush(constants.Z_SYNC_FLUSH)
  }

  /** @throws when something couldn't be written */
  async close(): Promise<void> {
    this.#gzip.end()
    await this.#written
  }

  /** Gives up: there will be no file. */
  async discard(): Promise<void> {
    this.#gzip.destroy()
    await this.#written.catch(() => {})
    await unlink(this.path)
  }
}
