import type { DrainReport } from '../dataplane/contract.ts'
import { thrownMessage } from '../dataplane/dataplane-error.ts'
import type { DegradedRoutes } from '../engine/degraded-routes.ts'
import type { Logger } from '../log/logger.ts'
import { ipFamilies } from '../network/address.ts'
import { type Clock, pause } from '../time/clock.ts'
import { forwardsLost, forwardsShut } from './forwards.ts'
import type { KeptLog } from './kept-log.ts'
import { degradedRoutes, losses, shareConnections } from './losses.ts'
import type { Standing } from './standing.ts'
import type { Successor } from './successor.ts'

/** Milliseconds. */
const times = {
  /** Between two looks at a dataplane that drains. */
  drain: 5000,
  /** Between two looks whether it has ended. */
  look: 2000,
  /** Between two lines about it. */
  tell: 60_000,
  /** Between two attempts to remove one. */
  retry: 60_000,
}

interface ReplacementOptions {
  /** Milliseconds that established connections are waited for. */
  readonly drainTimeout: number
  /** Of the new dataplane. */
  readonly degraded: DegradedRoutes
  readonly kept: KeptLog
  readonly logger: Logger
  readonly clock: Clock
  /** Aborted: no further step. */
  readonly signal: AbortSignal
}

/** The steps by which one predecessor goes once all of the new dataplane has been seen in the kernel. */
export class Replacement {
  readonly #one: Standing
  readonly #successor: Successor
  readonly #options: ReplacementOptions

  constructor(one: Standing, successor: Successor, options: ReplacementOptions) {
    this.#one = one
    this.#successor = successor
    this.#options = options
  }

  /** @returns whether it is gone; it may be kept, or this was stopped */
  async run(): Promise<boolean> {
    const { clock, logger, signal, kept } = this.#options
    const { predecessor } = this.#one
    const { name, title, dataplane } = predecessor
    const { capabilities } = this.#successor.dataplane
    const obstacle = predecessor.obstacle?.(capabilities)
    if (obstacle !== undefined) {
      this.#one.state = 'predecessor-not-removed'
      this.#one.isKept = true
      kept.tell(predecessor, obstacle)
      return false
    }
    this.#tellLosses()
    while (!signal.aborted) {
      try {
        await this.#forwarded()
        if (signal.aborted) return false
        if (!this.#one.isDrained && !shareConnections(dataplane.capabilities, capabilities))
          await this.#drain()
        await this.#ended()
        if (signal.aborted) return false
        const { removed } = await dataplane.cleanup()
        logger.info(
          { event: 'predecessor-removed', predecessor: name, removed },
          `${title} is removed from this node: ${removed.length === 0 ? 'nothing was left' : removed.join('; ')}`,
        )
        return true
      } catch (error) {
        this.#one.state = 'predecessor-not-removed'
        logger.warn(
          { event: 'predecessor-not-removed', predecessor: name, error },
          `a part of ${title} can't be removed: ${thrownMessage(error)}. It is tried again in ${times.retry / 1000} s`,
        )
        await pause(clock, times.retry, signal)
      }
    }
    return false
  }

  /** Until forwarded packets that the old one accepts can pass without it. */
  async #forwarded(): Promise<void> {
    const { clock, logger, signal, kept } = this.#options
    const one = this.#one
    const { predecessor } = one
    const successor = this.#successor.dataplane.name
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
      if (why !== told) kept.tell(predecessor, why)
      told = why
      await pause(clock, times.retry, signal)
    }
  }

  /** Until nothing keeps it up to date any more. Its rules are right as long as something does. */
  async #ended(): Promise<void> {
    const { clock, logger, signal } = this.#options
    const { predecessor } = this.#one
    const { name, title } = predecessor
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
  async #drain(): Promise<void> {
    const { clock, drainTimeout, logger, signal } = this.#options
    const one = this.#one
    const { name, dataplane } = one.predecessor
    if (dataplane.drain === undefined) return
    one.drainEnd ??= clock.now() + drainTimeout
    const end = one.drainEnd
    let tellAt = Number.NEGATIVE_INFINITY
    let wasEmpty = false
    while (!signal.aborted) {
      const drained = await this.#drainOnce(dataplane.drain.bind(dataplane), end)
      if (drained === undefined) {
        one.isDrained = true
        return
      }
      const { connections } = drained
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
          `new connections are led by dataplane ${this.#successor.dataplane.name}; ${name} goes on with ${connections} established ` +
            `ones, for ${minutes} min at most`,
        )
      }
      await pause(clock, times.drain, signal)
    }
  }

  /** @returns `undefined`: it can't be drained, and the time for that is over. @throws what the dataplane does, before that */
  async #drainOnce(drain: () => Promise<DrainReport>, end: number): Promise<DrainReport | undefined> {
    try {
      return await drain()
    } catch (error) {
      if (this.#options.clock.now() < end) throw error
      const { name, title } = this.#one.predecessor
      this.#options.logger.warn(
        { event: 'predecessor-not-removed', predecessor: name, error },
        `${title} can't be drained: ${thrownMessage(error)}. It is removed with its connections, for the time to drain is over`,
      )
      return undefined
    }
  }

  #tellLosses(): void {
    const { logger, degraded } = this.#options
    const { name, dataplane, atWork } = this.#one.predecessor
    const { dataplane: successor } = this.#successor
    const from = { name, capabilities: dataplane.capabilities, drains: dataplane.drain !== undefined }
    const to = {
      name: successor.name,
      capabilities: successor.capabilities,
      drains: successor.drain !== undefined,
    }
    const tables = ipFamilies
      .map((family) => this.#successor.table(family))
      .filter((one) => one !== undefined)
    const lines = [
      // What is lost by leaving kube-proxy is what `portolan check` tells, by its mode.
      ...(atWork === undefined ? losses(tables, from, to) : []),
      // The kernel holds what was written, which is without these.
      ...tables.flatMap((table) => degradedRoutes(table, degraded.of(table.family), to)),
    ]
    for (const loss of lines)
      logger.warn(
        { event: 'predecessor-loses', predecessor: name },
        `${name} is replaced by ${to.name}: ${loss}`,
      )
  }
}
