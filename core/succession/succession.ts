import type { Dataplane, DrainReport } from '../dataplane/contract.ts'
import { thrownMessage } from '../dataplane/dataplane-error.ts'
import { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { Logger } from '../log/logger.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { type Clock, pause } from '../time/clock.ts'
import { forwardsLost, forwardsShut } from './forwards.ts'
import { degradedRoutes, losses, shareConnections } from './losses.ts'
import type { Found, Predecessor } from './predecessors.ts'
import { UnseenLog } from './unseen-log.ts'

/** Milliseconds. */
const times = {
  /** Between two comparisons while something still differed. */
  verify: 1000,
  /** Between two looks at a dataplane that drains. */
  drain: 5000,
  /** Between two looks whether it has ended. */
  look: 2000,
  /** Between two lines about it. */
  tell: 60_000,
  /** Between two attempts to remove one, and two looks at what can't be told. */
  retry: 60_000,
  /** That a stop waits for a step under way. */
  grace: 5000,
}

/** How many comparisons may find a difference before that is told as a failure. */
const patience = 5

/** The proxy that takes over; `RunningProxy` is one. */
export interface Successor {
  readonly dataplane: Pick<Dataplane, 'name' | 'capabilities' | 'drain'>
  readonly families: readonly IpFamily[]
  readonly firstApplied: Promise<void>
  table(family: IpFamily): RoutingTable | undefined
  verify(): Promise<readonly string[]>
}

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

/** A predecessor, as `/healthz` and `/status` have it. */
export interface StandingProblem {
  readonly problem: 'predecessor-found' | 'predecessor-drains' | 'predecessor-not-removed'
  readonly dataplane: string
  readonly connections?: number
}

/** What becomes of a predecessor. */
interface Standing {
  readonly predecessor: Predecessor
  state: StandingProblem['problem']
  connections: number
  /** When it is no longer drained, in the clock's milliseconds; absent: it hasn't begun. */
  drainEnd?: number
  /** Whether nothing is to be drained any more. */
  isDrained: boolean
  /** Whether packets that it accepts have been seen to pass without it, as far as can be told. */
  isForwarded: boolean
  /** Whether this dataplane can't take over from it, whatever happens. */
  isKept: boolean
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
  readonly #degraded = new DegradedRoutes()

  constructor(options: SuccessionOptions) {
    this.#options = options
    this.#unseen = new UnseenLog(options.logger, times.retry)
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
      this.#standing.push({
        ...{ predecessor, state: 'predecessor-found', connections: 0 },
        ...{ isDrained: false, isForwarded: false, isKept: false },
      })
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
    for (const { predecessor } of this.#standing) this.#tellKept(predecessor, wholeMessage(error))
  }

  /** Goes on by itself from here. */
  follow(proxy: Successor): void {
    this.#work = this.#takeOver(proxy)
      .catch((error: unknown) => {
        for (const { predecessor } of this.#standing) this.#tellKept(predecessor, thrownMessage(error))
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
      await pause(this.#options.clock, times.retry, signal)
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
        for (const { predecessor } of this.#standing) this.#tellKept(predecessor, found.join('; '))
      await pause(clock, times.verify, signal)
    }
  }

  async #replace(one: Standing, proxy: Successor): Promise<void> {
    const { clock, logger } = this.#options
    const { predecessor } = one
    const { name, title, dataplane } = predecessor
    const { signal } = this.#stopping
    const obstacle = predecessor.obstacle?.(proxy.dataplane.capabilities)
    if (obstacle !== undefined) {
      one.state = 'predecessor-not-removed'
      one.isKept = true
      this.#tellKept(predecessor, obstacle)
      return
    }
    this.#tellLosses(predecessor, proxy)
    while (!signal.aborted) {
      try {
        await this.#forwarded(one, proxy)
        if (signal.aborted) return
        if (!one.isDrained && !shareConnections(dataplane.capabilities, proxy.dataplane.capabilities))
          await this.#drain(one, proxy)
        await this.#ended(one)
        if (signal.aborted) return
        const { removed } = await dataplane.cleanup()
        this.#standing.splice(this.#standing.indexOf(one), 1)
        logger.info(
          { event: 'predecessor-removed', predecessor: name, removed },
          `${title} is removed from this node: ${removed.length === 0 ? 'nothing was left' : removed.join('; ')}`,
        )
        return
      } catch (error) {
        one.state = 'predecessor-not-removed'
        logger.warn(
          { event: 'predecessor-not-removed', predecessor: name, error },
          `a part of ${title} can't be removed: ${thrownMessage(error)}. It is tried again in ${times.retry / 1000} s`,
        )
        await pause(clock, times.retry, signal)
      }
    }
  }

  /** Until forwarded packets that the old one accepts can pass without it. */
  async #forwarded(one: Standing, proxy: Successor): Promise<void> {
    const { clock, logger } = this.#options
    const { predecessor } = one
    const { signal } = this.#stopping
    const successor = proxy.dataplane.name
    let told: string | undefined
    while (!one.isForwarded && !signal.aborted) {
      const closed = (await predecessor.closedForwards?.()) ?? []
      const shut = closed.filter(({ othersAccept }) => !othersAccept)
      if (shut.length === 0) {
        one.isForwarded = true
        one.state = 'predecessor-found'
        if (closed.length > 0)
          logger.warn(
            { event: 'predecessor-loses', predecessor: predecessor.name },
            `${predecessor.name} is replaced by ${successor}: ${forwardsLost(closed, predecessor.name, successor)}`,
          )
        return
      }
      one.state = 'predecessor-not-removed'
      const why = `${forwardsShut(shut, predecessor.name, successor)}. It is looked at again each ${times.retry / 1000} s`
      if (why !== told) this.#tellKept(predecessor, why)
      told = why
      await pause(clock, times.retry, signal)
    }
  }

  /** Until nothing keeps it up to date any more. Its rules are right as long as something does. */
  async #ended({ predecessor }: Standing): Promise<void> {
    const { clock, logger } = this.#options
    const { name, title } = predecessor
    const { signal } = this.#stopping
    let tellAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const signs = (await predecessor.atWork?.()) ?? []
      if (signs.length === 0) return
      if (clock.now() >= tellAt) {
        tellAt = clock.now() + times.tell
        logger.info(
          { event: 'predecessor-at-work', predecessor: name, signs },
          `the kernel holds all that the cluster asks, and ${title} can be stopped: ${signs.join('; ')}. Its rules go when it ` +
            'has ended; until then both are right',
        )
      }
      await pause(clock, times.look, signal)
    }
  }

  /** Until no established connection needs it, or that takes too long, counted from the first attempt. */
  async #drain(one: Standing, proxy: Successor): Promise<void> {
    const { clock, drainTimeout, logger } = this.#options
    const { name, dataplane } = one.predecessor
    const { signal } = this.#stopping
    if (dataplane.drain === undefined) return
    one.drainEnd ??= clock.now() + drainTimeout
    const end = one.drainEnd
    let tellAt = Number.NEGATIVE_INFINITY
    let wasEmpty = false
    while (!signal.aborted) {
      const { connections }: DrainReport = await dataplane.drain()
      one.state = 'predecessor-drains'
      one.connections = connections
      // Answers to the last datagrams that it has led are under way.
      one.isDrained = clock.now() >= end || (connections === 0 && wasEmpty)
      if (one.isDrained) return
      wasEmpty = connections === 0
      if (clock.now() >= tellAt) {
        tellAt = clock.now() + times.tell
        const minutes = Math.ceil((end - clock.now()) / 60_000)
        logger.info(
          { event: 'predecessor-drains', predecessor: name, connections },
          `new connections are led by dataplane ${proxy.dataplane.name}; ${name} goes on with ${connections} established ` +
            `ones, for ${minutes} min at most`,
        )
      }
      await pause(clock, times.drain, signal)
    }
  }

  #tellLosses({ name, dataplane, atWork }: Predecessor, proxy: Successor): void {
    const { logger } = this.#options
    const successor = proxy.dataplane
    const from = { name, capabilities: dataplane.capabilities, drains: dataplane.drain !== undefined }
    const to = {
      name: successor.name,
      capabilities: successor.capabilities,
      drains: successor.drain !== undefined,
    }
    const tables = ipFamilies.map((family) => proxy.table(family)).filter((one) => one !== undefined)
    const lines = [
      // What is lost by leaving kube-proxy is what `portolan check` tells, by its mode.
      ...(atWork === undefined ? losses(tables, from, to) : []),
      // The kernel holds what was written, which is without these.
      ...tables.flatMap((table) => degradedRoutes(table, this.#degraded.of(table.family), to)),
    ]
    for (const loss of lines)
      logger.warn(
        { event: 'predecessor-loses', predecessor: name },
        `${name} is replaced by ${to.name}: ${loss}`,
      )
  }

  #tellKept({ name, title, goBack }: Predecessor, why: string): void {
    const { logger, successor } = this.#options
    logger.error(
      { event: 'predecessor-kept', predecessor: name },
      `dataplane ${successor} can't take over from ${title}: ${why}. The rules of ${title} stay as they are and go on serving. ` +
        `To stay with ${title}, ${goBack}`,
    )
  }
}

/** Also of an error that has a line for each thing that is missing. */
function wholeMessage(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : thrownMessage(error)
}
