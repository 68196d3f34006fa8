import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ClusterRecord, RecordKind } from '../../cluster/records.ts'
import type { Logger } from '../../log/logger.ts'
import type { ClusterSink, ClusterSource } from '../cluster-source.ts'
import { type ClusterFile, parseClusterText, readClusterText } from './cluster-file.ts'
import { ClusterFileError } from './documents.ts'

export interface FileSourceOptions {
  readonly path: string
  /** Which kinds to deliver. Default: all. */
  readonly kinds?: readonly RecordKind[]
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** How long to wait after a sign of change until the writer is likely to be done. Milliseconds; default 50. */
  readonly settleTime?: number
  /** How often to look without any sign, for file systems that give none. Milliseconds; default 2000. */
  readonly pollInterval?: number
}

/**
 * Cluster state from a file of ordinary objects, read again when it changes (written in place, replaced by a rename,
 * or a ConfigMap's link turned). Each version is delivered as what it changes of the last one. A version that can't
 * be read, is empty or is gone is one problem, and the last good one stays.
 */
export function fileSource(options: FileSourceOptions): ClusterSource {
  return new FileSource(options)
}

const allKinds: readonly RecordKind[] = ['Node', 'ServiceCIDR', 'Service', 'EndpointSlice']

class FileSource implements ClusterSource {
  readonly description: string
  readonly #options: FileSourceOptions
  readonly #kinds: ReadonlySet<RecordKind>
  #sink: ClusterSink | undefined
  #watcher: FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined
  #settling: NodeJS.Timeout | undefined
  #reading = false
  /** A sign of change came while reading. */
  #again = false
  /** Which version of the file was last read, by what the file system says of it. */
  #version = ''
  #records: ReadonlyMap<string, ClusterRecord> = new Map()
  #isSynced = false
  readonly #ignoredKinds = new Set<string>()

  constructor(options: FileSourceOptions) {
    this.#options = options
    this.#kinds = new Set(options.kinds ?? allKinds)
    this.description = `file ${basename(options.path)}`
  }

  async start(sink: ClusterSink): Promise<void> {
    // A file that isn't there is a mistake in the command; one that breaks later is waited for.
    this.#reading = true
    const version = await this.#fileVersion()
    this.#sink = sink
    this.#watch()
    await this.#read(version)
    this.#reading = false
  }

  async stop(): Promise<void> {
    this.#sink = undefined
    this.#watcher?.close()
    clearInterval(this.#poll)
    clearTimeout(this.#settling)
  }

  /** Watches the directory: a rename over the file leaves a watch of the file itself on the old one. */
  #watch(): void {
    const { path, logger, pollInterval = 2000 } = this.#options
    try {
      this.#watcher = watch(dirname(path), () => this.#settle())
      this.#watcher.on('error', (error) =>
        logger.warn({ event: 'file-polled', error, path }, 'cannot watch the file, so it is polled'),
      )
    } catch (error) {
      logger.warn({ event: 'file-polled', error, path }, 'cannot watch the file, so it is polled')
    }
    this.#poll = setInterval(() => void this.#look(), pollInterval)
  }

  #settle(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.#look(), this.#options.settleTime ?? 50)
  }

  /** Reads the file if it is another version than the last one. */
  async #look(): Promise<void> {
    if (this.#reading || this.#sink === undefined) {
      this.#again = this.#reading
      return
    }
    this.#reading = true
    this.#again = false
    try {
      const version = await this.#fileVersion()
      if (version !== this.#version) {
        await this.#refusePipe()
        await this.#read(version)
      }
    } catch (error) {
      if (this.#version !== 'gone')
        this.#tell('path', `cannot be opened (${codeOf(error)}); the last state stays until it can`)
      this.#version = 'gone'
    }
    this.#reading = false
    if (this.#again) this.#settle()
  }

  /** Whoever opens a pipe waits for who writes to it, in a thread without which the process can't end. */
  async #refusePipe(): Promise<void> {
    if ((await stat(this.#options.path)).isFIFO()) throw new Error('it is a pipe')
  }

  /** Changes with every write and every replacement. */
  async #fileVersion(): Promise<string> {
    const { ino, mtimeNs, size } = await stat(this.#options.path, { bigint: true })
    return `${ino} ${mtimeNs} ${size}`
  }

  async #read(version: string): Promise<void> {
    const receivedAt = performance.now()
    const { path } = this.#options
    try {
      const text = await readClusterText(path)
      if ((await this.#fileVersion()) !== version) {
        // Still being written.
        this.#settle()
        return
      }
      this.#version = version
      this.#deliver(await parseClusterText(text, path), receivedAt)
    } catch (error) {
      if (!(error instanceof ClusterFileError)) throw error
      this.#version = version
      const { line, column, problem } = error
      this.#tell(
        `line ${line}, column ${column}`,
        `cannot be read: ${problem}; the last state stays until it is fixed`,
      )
    }
  }

  #deliver(file: ClusterFile, receivedAt: number): void {
    const sink = this.#sink
    if (sink === undefined) return
    this.#sayIgnored(file.ignoredKinds)
    for (const problem of file.problems) sink.problem(problem)
    const before = this.#records
    this.#records = file.records
    for (const [id, record] of before) {
      if (this.#kinds.has(record.kind) && !file.records.has(id))
        sink.remove(record.kind, record.key, receivedAt)
    }
    for (const [id, record] of file.records) {
      if (this.#kinds.has(record.kind) && !isDeepStrictEqual(before.get(id), record))
        sink.set(record, receivedAt)
    }
    if (this.#isSynced) return
    this.#isSynced = true
    for (const kind of this.#kinds) sink.synced(kind)
  }

  #sayIgnored(kinds: readonly string[]): void {
    const fresh = kinds.filter((kind) => !this.#ignoredKinds.has(kind))
    if (fresh.length === 0) return
    for (const kind of fresh) this.#ignoredKinds.add(kind)
    this.#options.logger.info(
      { event: 'kinds-ignored', path: this.#options.path, kinds: fresh },
      'objects of these kinds are ignored',
    )
  }

  #tell(field: string, fix: string): void {
    this.#sink?.problem({
      kind: 'file',
      object: this.#options.path,
      field,
      value: '',
      fix,
      skipped: 'file',
    })
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}
