import { Worker } from 'node:worker_threads'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { Logger } from '../log/logger.ts'
import type { IpFamily } from '../network/address.ts'
import { listenFix } from '../network/listen-fix.ts'
import { loopbackAddress } from '../network/special-addresses.ts'
import type { RouteChange } from '../table/table-change.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { type ForwardedPort, forwardingChange } from './forwarded-port.ts'
import {
  type ForwardingCounts,
  type ForwardingNotice,
  type ForwardingRequest,
  noCounts,
} from './forwarding-messages.ts'

export interface LocalhostForwardingOptions {
  /** The families that the kernel doesn't serve at loopback. */
  readonly families: readonly IpFamily[]
  readonly logger: Logger
  readonly clock?: Clock
  /** Default: a thread in this process's network namespace. */
  readonly startThread?: () => Worker
}

/** How long it waits before it starts the thread again. */
const retryLimits: BackoffLimits = { retryMinMs: 100, retryMaxMs: 30_000 }

/** Ports that are told one by one while they can't be had; the others are when these can, or have gone. */
const maxTold = 20

/** Milliseconds that a stop waits for the thread to end by itself. */
const stopGrace = 2000

/**
 * NodePorts at loopback by a thread of its own (KEP-6032), as the engine has applied them: it starts with the first one,
 * and again when it fails, with all that is to be forwarded.
 */
export class LocalhostForwarding implements EngineObserver {
  readonly #options: LocalhostForwardingOptions
  readonly #clock: Clock
  readonly #ports: Readonly<Record<IpFamily, Map<number, ForwardedPort>>> = {
    IPv4: new Map(),
    IPv6: new Map(),
  }
  /** By family and port: those that the log says can't be had. */
  readonly #told = new Set<string>()
  /** Those that can't be had either, and for which there was no room. */
  readonly #untold = new Map<string, PortNotice>()
  #worker: Worker | undefined
  #counts: ForwardingCounts = noCounts
  #failures = 0
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: LocalhostForwardingOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  get counts(): ForwardingCounts {
    return this.#counts
  }

  onApplied({ family, routes }: Applied): void {
    this.follow(family, routes)
  }

  /** @param routes that changed, of those that it was told of before */
  follow(family: IpFamily, routes: readonly RouteChange[]): void {
    if (this.#isStopped || !this.#options.families.includes(family)) return
    const change = forwardingChange(routes)
    if (change === undefined) return
    const ports = this.#ports[family]
    for (const { port, route } of change.removed) if (ports.get(port)?.route === route) ports.delete(port)
    for (const port of change.set) ports.set(port.port, port)
    for (const { port } of change.removed) if (!ports.has(port)) this.#forget(`${family} ${port}`)
    if (this.#worker !== undefined) this.#send({ do: 'change', family, change })
    else if (ports.size > 0 && this.#cancel === undefined) this.#start()
  }

  /** Ends the connections that are relayed, and the thread. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel?.()
    const worker = this.#worker
    this.#worker = undefined
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const cancel = this.#clock.after(stopGrace, () => void worker.terminate())
    worker.ref()
    worker.postMessage({ do: 'close' } satisfies ForwardingRequest)
    await ended
    cancel()
  }

  #start(): void {
    this.#cancel = undefined
    const { startThread = startForwarding } = this.#options
    try {
      const worker = startThread()
      this.#worker = worker
      worker.unref()
      worker.on('message', (notice: ForwardingNotice) => this.#heard(notice))
      worker.on('error', (error) => this.#failed(worker, error))
      worker.on('exit', (code) => this.#failed(worker, new Error(`the thread ended with code ${code}`)))
    } catch (error) {
      this.#retry(error)
      return
    }
    for (const [family, ports] of Object.entries(this.#ports)) {
      const change = { removed: [], set: [...ports.values()] }
      this.#send({ do: 'change', family: family as IpFamily, change })
    }
  }

  #send(request: ForwardingRequest): void {
    this.#worker?.postMessage(request)
  }

  #failed(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#counts = noCounts
    this.#told.clear()
    this.#untold.clear()
    this.#retry(error)
  }

  #retry(error: unknown): void {
    this.#failures++
    const pause = backoff(this.#failures, retryLimits, Math.random)
    this.#options.logger.error(
      { event: 'localhost-forwarding-failed', error },
      `the thread that serves NodePorts at loopback failed, and its connections are lost; it starts again in ${Math.round(pause)} ms`,
    )
    this.#cancel = this.#clock.after(pause, () => this.#start())
  }

  /** @returns whether the log says that it can't be had */
  #forget(key: string): boolean {
    this.#untold.delete(key)
    const wasTold = this.#told.delete(key)
    if (wasTold) this.#tellUnavailable()
    return wasTold
  }

  /** As many as there is room for. */
  #tellUnavailable(): void {
    for (const [key, { at, family, reason }] of this.#untold) {
      if (this.#told.size >= maxTold) return
      this.#untold.delete(key)
      this.#told.add(key)
      this.#options.logger.warn(
        {
          event: 'localhost-port-unavailable',
          family,
          port: at.port,
          service: at.name,
          reason,
          fix: listenFix(reason),
        },
        `NodePort ${at.port} of ${at.name} doesn't answer at ${loopbackAddress(family)}, since nobody can listen there ` +
          `(${reason}); it is tried again, and everything else goes on`,
      )
    }
  }

  #heard(notice: ForwardingNotice): void {
    if (notice.tell === 'counts') {
      this.#counts = notice.counts
      this.#failures = 0
      return
    }
    const { logger } = this.#options
    const { at, family, reason } = notice
    const place = loopbackAddress(family)
    const fields = { family, port: at.port, service: at.name }
    const key = `${family} ${at.port}`
    switch (notice.tell) {
      case 'unavailable':
        if (!this.#ports[family].has(at.port)) return
        this.#untold.set(key, notice)
        this.#tellUnavailable()
        return
      case 'available':
        if (!this.#forget(key)) return
        logger.info(
          { event: 'localhost-port-available', ...fields },
          `NodePort ${at.port} of ${at.name} answers at ${place} now`,
        )
        return
      case 'full':
        logger.warn(
          { event: 'localhost-connections-full', ...fields },
          `too many connections at loopback, so that one to NodePort ${at.port} of ${at.name} at ${place} was refused, and more may be`,
        )
        return
      case 'unreachable':
        logger.debug({ ...fields, reason }, `an endpoint of ${at.name} could not be reached from ${place}`)
    }
  }
}

/** A notice of one port. */
type PortNotice = Exclude<ForwardingNotice, { readonly tell: 'counts' }>

function startForwarding(): Worker {
  // Flags of the main program (--input-type, --test) may forbid what a thread is.
  return new Worker(new URL('./forwarding-worker.ts', import.meta.url), { execArgv: [] })
}
