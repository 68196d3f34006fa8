import { basename } from 'node:path'
import { recordKinds } from '../../cluster/records.ts'
import type { Logger } from '../../log/logger.ts'
import { type Clock, pause, systemClock } from '../../time/clock.ts'
import type { ClusterSink, ClusterSource } from '../cluster-source.ts'
import { type RecordingEntry, readRecording } from './read-recording.ts'

export interface RecordingSourceOptions {
  readonly path: string
  /** How many times as fast as it was recorded. Default 1. */
  readonly speed?: number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly clock?: Clock
}

/**
 * Cluster state from a recording: all that there was at its start, and then its events, each when it is due. After the
 * last one its state stays.
 */
export function recordingSource(options: RecordingSourceOptions): ClusterSource {
  return new RecordingSource(options)
}

/** Milliseconds after which others have their turn, where events are due faster than they can be delivered. */
const maxTurnMs = 10

class RecordingSource implements ClusterSource {
  readonly description: string
  readonly #options: RecordingSourceOptions
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  #playing: Promise<void> | undefined

  constructor(options: RecordingSourceOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.description = `recording ${basename(options.path)}`
  }

  /** @throws RecordingError for a file that is none, and the errors of opening a file */
  async start(sink: ClusterSink): Promise<void> {
    const entries = readRecording(this.#options.path)
    for await (const entry of untilComplete(entries)) this.#deliver(entry, sink)
    for (const kind of recordKinds) sink.synced(kind)
    this.#playing = this.#play(entries, sink)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#playing
  }

  /** Never rejects: what is wrong with the rest of a file leaves the state as it is. */
  async #play(entries: AsyncGenerator<RecordingEntry>, sink: ClusterSink): Promise<void> {
    const { speed = 1, path, logger } = this.#options
    const { signal } = this.#stopping
    const begun = this.#clock.now()
    let turn = begun
    try {
      for await (const entry of entries) {
        if ('at' in entry) await pauseUntil(this.#clock, begun + (entry.at * 1000) / speed, signal)
        if (this.#clock.now() - turn > maxTurnMs) {
          await new Promise(setImmediate)
          turn = this.#clock.now()
        }
        if (signal.aborted) return
        this.#deliver(entry, sink)
      }
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      logger.error({ event: 'recording-failed', path }, `${problem}; what was played so far stays`)
    }
  }

  #deliver(entry: RecordingEntry, sink: ClusterSink): void {
    const { path, logger } = this.#options
    switch (entry.is) {
      case 'start':
      case 'set':
        sink.set(entry.record, this.#clock.now())
        return
      case 'remove':
        sink.remove(entry.kind, entry.key, this.#clock.now())
        return
      case 'problem':
        sink.problem(entry.problem)
        return
      case 'end':
        if (entry.torn !== undefined) logger.warn({ event: 'recording-torn', path }, entry.torn)
        logger.info(
          { event: 'recording-played', path, seconds: entry.at },
          'the recording has been played; its last state stays',
        )
    }
  }
}

/** What comes before the start is complete; the rest stays in the generator. */
async function* untilComplete(entries: AsyncGenerator<RecordingEntry>): AsyncGenerator<RecordingEntry> {
  for (;;) {
    const { value, done } = await entries.next()
    if (done || value.is === 'complete') return
    yield value
  }
}

async function pauseUntil(clock: Clock, time: number, signal: AbortSignal): Promise<void> {
  const delay = time - clock.now()
  if (delay > 0) await pause(clock, delay, signal)
}
