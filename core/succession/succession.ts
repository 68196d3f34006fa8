import { thrownMessage } from '../dataplane/dataplane-error.ts'
import { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { Logger } from '../log/logger.ts'
import { type Clock, pause } from '../time/clock.ts'
import { KeptLog, wholeMessage } from './kept-log.ts'
import type { Found } from './predecessors.ts'
import { Replacement } from './replacement.ts'
import { found, type Standing, type StandingProblem } from './standing.ts'
import type { Successor } from './successor.ts'
import { UnseenLog } from './unseen-log.ts'

/** Milliseconds. */
const times = {
  /** Between two comparisons while something still differed. */
  verify: 1000,
  /** Between two looks at what can't be told. */
  look: 60_000,
  /** That a stop waits for a step under way. */
  grace: 5000,
}

/** How many comparisons may find a difference before that is told as a failure. */
const patience = 5

export interface SuccessionOptions {
  /**
   * Who has left rules here. It takes a moment, so it is asked when the node is served, or can't be; and again while something
   * can't be told.
   */
  readonly find: () => Promise<Found>
  /** The dataplane that is to run. */
  readonly successor: string
  /** Milliseconds that established connections are waited for. */
  readonly drainTimeout: number
  readonly logger: Logger
  readonly clock: Clock
}

/**
 * Takes this node over from another dataplane of ours without a gap: while the new one is built its predecessor serves; when
 * the kernel has been seen to hold all of the new one, the old one gives up new connections, then established ones, then goes.
 * Until the first of these steps nothing of it is touched. Whatever ends the process, the next one finds in the kernel where
 * to go on.
 */
export class Succession implements EngineObserver {
  readonly #options: SuccessionOptions
  #standing: Standing[] = []
  readonly #stopping = new AbortController()
  /** Resolves when it is to stop: what a proxy promises may never come then. */
  readonly #stopped: Promise<void>
  #work: Promise<void> = Promise.resolve()
  #stop: Promise<void> | undefined
  readonly #settled = Promise.withResolvers<void>()
  readonly #unseen: UnseenLog
  readonly #kept: KeptLog
  readonly #degraded = new DegradedRoutes()

  constructor(options: SuccessionOptions) {
    this.#options = options
    this.#unseen = new UnseenLog(options.logger, times.look)
    this.#kept = new KeptLog(options.logger, options.successor)
    this.#stopped = new Promise((resolve) =>
      this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
  }

  /** What is told of those that are still there, to whoever asks how this node does. */
  get problems(): readonly StandingProblem[] {
    return this.#standing.map(({ predecessor, state, connections }) => ({
      problem: state,
      dataplane: predecessor.name,
      ...(state === 'predecessor-drains' ? { connections } : {}),
    }))
  }

  /** Of the new dataplane. */
  onApplied(applied: Applied): void {
    this.#degraded.take(applied)
  }

  /** Finds who else is there, and tells. */
  async #look(): Promise<void> {
    const { find, logger, successor } = this.#options
    const { predecessors, unseen } = await find().catch((error: unknown) => ({
      predecessors: [],
      unseen: [`anybody (${thrownMessage(error)})`],
    }))
    this.#unseen.see(unseen)
    const known = new Set(this.#standing.map(({ predecessor }) => predecessor.name))
    for (const predecessor of predecessors) {
      const { name, title, goBack, remains } = predecessor
      if (known.has(name)) continue
      this.#standing.push(found(predecessor))
      logger.info(
        { event: 'predecessor-found', predecessor: name, remains },
        `rules of ${title} stand on this node: ${remains.join('; ')}. They serve until dataplane ${successor} holds all that the ` +
          `cluster asks, and go then. To stay with ${title}, ${goBack}`,
      )
    }
  }

  /** The new dataplane can't start. */
  async failed(error: unknown): Promise<void> {
    // Why it can't start is the news.
    await this.#look()
    for (const { predecessor } of this.#standing) this.#kept.tell(predecessor, wholeMessage(error))
  }

  /** Goes on by itself from here. */
  follow(proxy: Successor): void {
    this.#work = this.#takeOver(proxy)
      .catch((error: unknown) => {
        for (const { predecessor } of this.#standing) this.#kept.tell(predecessor, thrownMessage(error))
      })
      .finally(() => this.#settled.resolve())
  }

  /** Takes no further step. What is left is for the next process. May be called again. */
  stop(): Promise<void> {
    this.#stop ??= this.#end()
    return this.#stop
  }

  async #end(): Promise<void> {
    this.#stopping.abort()
    const done = new AbortController()
    const { clock } = this.#options
    await Promise.race([this.#work, pause(clock, times.grace, done.signal)])
    done.abort()
  }

  /** Resolves when whoever was found is gone or is kept, or it was stopped: what can't be told yet is looked for further. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  async #takeOver(proxy: Successor): Promise<void> {
    await Promise.race([proxy.firstApplied, this.#stopped])
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#look()
      const standing = this.#standing.filter(({ isKept }) => !isKept)
      if (standing.length > 0) await this.#verified(proxy)
      for (const one of standing) if (!signal.aborted) await this.#replace(one, proxy)
      this.#settled.resolve()
      if (this.#unseen.isEmpty) return
      await pause(this.#options.clock, times.look, signal)
    }
  }

  /** Resolves when the kernel was seen to hold all of the new dataplane. */
  async #verified(proxy: Successor): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt++) {
      const verifying = proxy.verify().catch((error: unknown) => [thrownMessage(error)])
      const found = await Promise.race([verifying, this.#stopped])
      if (found === undefined || found.length === 0) return
      if (attempt % patience === 0)
        for (const { predecessor } of this.#standing) this.#kept.tell(predecessor, found.join('; '))
      await pause(clock, times.verify, signal)
    }
  }

  async #replace(one: Standing, proxy: Successor): Promise<void> {
    const { drainTimeout, logger, clock } = this.#options
    const options = { drainTimeout, logger, clock, degraded: this.#degraded, kept: this.#kept }
    const isGone = await new Replacement(one, proxy, { ...options, signal: this.#stopping.signal }).run()
    if (isGone) this.#standing.splice(this.#standing.indexOf(one), 1)
  }
}
