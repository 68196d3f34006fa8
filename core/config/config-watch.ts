import { CodedError } from '../error/coded-error.ts'
import type { Logger } from '../log/logger.ts'
import type { Clock } from '../time/clock.ts'
import { configChanges, describeChange } from './config-changes.ts'
import type { ConfigFileError } from './config-file.ts'
import type { ConfigNote } from './config-note.ts'
import type { ResolvedConfig } from './resolve-config.ts'

/** Milliseconds between two looks. kubelet brings a changed ConfigMap within a minute or two. */
const period = 2_000

/** There is no text in the file, for a reason that may pass without another write. */
const unreadable: ConfigFileError['code'] = 'CONFIG_UNREADABLE'

/** Codes of {@link ConfigChangedError}: when it happens, and the fix. */
export const configChangedErrorCodes = {
  CONFIG_CHANGED: {
    when: 'the file of --config has changed in a field that a running process cannot follow; it ends, and the rules stay',
    fix: 'nothing, where a supervisor (systemd, kubelet) starts it again; else start it again',
  },
} as const

/** The file says something that only another process can honour. */
export class ConfigChangedError extends CodedError<keyof typeof configChangedErrorCodes> {
  constructor(message: string) {
    const fix =
      'start it again, unless a supervisor does: it reads the new configuration then, and adopts the rules, which stay'
    super('CONFIG_CHANGED', message, fix)
  }
}

export interface ConfigWatchOptions {
  readonly path: string
  /** What is in force. */
  readonly current: ResolvedConfig
  /** Something that changes with every write and every replacement of the file; rejects where there is none. */
  readonly look: () => Promise<string>
  /** Reads the file; rejects where it can't be used. */
  readonly read: () => Promise<ResolvedConfig>
  /** Takes what has changed in a way that can be followed. */
  readonly onReload: (resolved: ResolvedConfig) => void
  /** Takes what the changed file says and is not read, and was not told of the file before. */
  readonly onNotes: (notes: readonly ConfigNote[]) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Looks at the configuration file for as long as the process runs. A file that can't be used changes nothing: a restart by
 * it would fail. One that asks for another dataplane ends the process like any other: the next one takes over.
 */
export class ConfigWatch {
  /** Rejects with a {@link ConfigChangedError} when the process must be started again; never resolves. */
  readonly changed: Promise<never>
  readonly #options: ConfigWatchOptions
  readonly #changed = Promise.withResolvers<never>()
  #current: ResolvedConfig
  /** Of the file as it was read last. */
  #notes: readonly ConfigNote[]
  #cancel = (): void => {}
  #isStopped = false
  /** What was seen last, and what was read last. */
  #seen = ''
  #read = ''
  /** What could not be read last, which its author was told. */
  #unread = ''
  /** The file as it was read last is not followed, which its author was told. */
  #isRefused = false

  constructor(options: ConfigWatchOptions) {
    this.#options = options
    this.#current = options.current
    this.#notes = options.current.notes
    this.changed = this.#changed.promise
    // A caller that ignores it must not be ended by it.
    this.changed.catch(() => {})
    this.#next()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #next(): void {
    if (this.#isStopped) return
    this.#cancel = this.#options.clock.after(period, () => void this.#look().then(() => this.#next()))
  }

  async #look(): Promise<void> {
    const version = await this.#options.look().catch(() => 'gone')
    const isSettled = version === this.#seen
    this.#seen = version
    // One that is still being written is another one at the next look.
    if (!isSettled || version === this.#read) return
    this.#read = version
    try {
      const resolved = await this.#options.read()
      this.#unread = ''
      this.#follow(resolved)
    } catch (error) {
      this.#isRefused = true
      if ((error as { readonly code?: unknown } | null)?.code === unreadable) {
        // It may be for want of file descriptors, or its permissions, that no look sees.
        this.#read = ''
        if (this.#unread === version) return
        this.#unread = version
      }
      const { path, logger } = this.#options
      logger.error(
        { event: 'config-refused', path, error },
        `the changed ${path} can't be used, and a start by it would fail: ${error instanceof Error ? error.message : error}. ` +
          'The process goes on with the configuration that it has',
      )
    }
  }

  #follow(after: ResolvedConfig): void {
    const { path, logger, onReload } = this.#options
    const changes = configChanges(this.#current, after)
    const restart = changes.filter(({ needs }) => needs === 'restart')
    const fields = (restart.length > 0 ? restart : changes).map(({ field }) => field)
    if (restart.length > 0) {
      const what = restart.map(describeChange).join(', ')
      logger.warn(
        { event: 'config-changed', path, fields },
        `${path} has changed ${what}, which a running process can't follow: it ends to be started again; the rules stay in place`,
      )
      this.#isStopped = true
      this.#changed.reject(new ConfigChangedError(`${path} has changed ${what}`))
      return
    }
    this.#tellNotes(after.notes)
    const wasRefused = this.#isRefused
    this.#isRefused = false
    if (changes.length === 0) {
      if (wasRefused)
        logger.info({ event: 'config-reloaded', path, fields }, `${path} says again what is in force`)
      return
    }
    this.#current = after
    onReload(after)
    logger.info(
      { event: 'config-reloaded', path, fields },
      `${path} has changed ${changes.map(describeChange).join(', ')}: followed`,
    )
  }

  /** A mistake in a field's name is no change, and whoever made it waits for one. */
  #tellNotes(notes: readonly ConfigNote[]): void {
    const isTold = ({ kind, setting, why }: ConfigNote) =>
      this.#notes.some((told) => told.kind === kind && told.setting === setting && told.why === why)
    const fresh = notes.filter((note) => !isTold(note))
    this.#notes = notes
    if (fresh.length > 0) this.#options.onNotes(fresh)
  }
}
