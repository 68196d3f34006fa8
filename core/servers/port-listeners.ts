import type { SocketAddress } from '../config/socket-address.ts'
import type { Address } from '../network/address.ts'
import { tooManyListeners } from '../node/open-files.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import type { HttpHandler } from './http-answer.ts'
import { HttpListener } from './http-listener.ts'

export interface PortListenersOptions {
  /** What answers at a port. */
  readonly handler: (port: number) => HttpHandler
  readonly connections: ConnectionBudget
  readonly onFault: (error: unknown) => void
  /** A port can't be listened on, at one address at least. Told once, until it can. */
  readonly onFailing: (at: SocketAddress, error: Error) => void
  /** A port that was failing is listened on at all addresses. */
  readonly onRecovered: (port: number) => void
  /** Sockets at most; each is a file descriptor. */
  readonly maxListeners: number
  readonly clock?: Clock
}

/** Milliseconds between two attempts at ports that can't be had. */
const retryPeriod = 5000

/**
 * Listens on many ports at some addresses, and follows what is wanted of both. Ports are brought up to date one after the
 * other, so that thousands of them at once leave room for everything else; those that can't be had are tried again.
 */
export class PortListeners {
  readonly #options: PortListenersOptions
  readonly #clock: Clock
  readonly #wanted = new Set<number>()
  #addresses: readonly Address[] = []
  readonly #open = new Map<number, Map<Address, HttpListener>>()
  /** How many are open in all. */
  #count = 0
  /** Ports to bring up to date. */
  readonly #due = new Set<number>()
  readonly #failing = new Set<number>()
  #working: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined
  #closed = false

  constructor(options: PortListenersOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  get addresses(): readonly Address[] {
    return this.#addresses
  }

  /** Whether it was told as one that can't be listened on, and still is. */
  isFailing(port: number): boolean {
    return this.#failing.has(port)
  }

  want(port: number, wanted: boolean): void {
    if (wanted) this.#wanted.add(port)
    else {
      this.#wanted.delete(port)
      // Who wants it next hasn't been told.
      this.#failing.delete(port)
    }
    this.#update([port])
  }

  listenAt(addresses: readonly Address[]): void {
    this.#addresses = addresses
    this.#update(this.#wanted)
  }

  /** Resolves when nothing is left to do but retries. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelRetry?.()
    await this.settled()
    const listeners = [...this.#open.values()].flatMap((at) => [...at.values()])
    this.#open.clear()
    await Promise.all(listeners.map((listener) => listener.close()))
  }

  #update(ports: Iterable<number>): void {
    if (this.#closed) return
    for (const port of ports) this.#due.add(port)
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    // What comes in the same turn is brought up to date together: a port that moves from one Service to another stays open.
    await Promise.resolve()
    for (const port of this.#due) {
      if (this.#closed) break
      this.#due.delete(port)
      const failure = await this.#bringUpToDate(port)
      if (failure !== undefined) this.#failed(failure.at, failure.error)
      else if (this.#failing.delete(port) && this.#wanted.has(port)) this.#options.onRecovered(port)
    }
    // In the same turn as the last look at what is due, so that nothing can come in between.
    this.#working = undefined
  }

  async #bringUpToDate(
    port: number,
  ): Promise<{ readonly at: SocketAddress; readonly error: Error } | undefined> {
    const addresses = this.#wanted.has(port) ? this.#addresses : []
    const open = this.#open.get(port) ?? new Map<Address, HttpListener>()
    for (const [address, listener] of [...open]) {
      if (addresses.includes(address)) continue
      open.delete(address)
      this.#count--
      await listener.close()
    }
    let failure: { at: SocketAddress; error: Error } | undefined
    for (const address of addresses) {
      if (open.has(address)) continue
      const at = { address, port }
      try {
        open.set(address, await this.#listen(at))
        this.#count++
      } catch (error) {
        failure ??= { at, error: error as Error }
      }
    }
    if (open.size > 0) this.#open.set(port, open)
    else this.#open.delete(port)
    return failure
  }

  async #listen(at: SocketAddress): Promise<HttpListener> {
    const { handler, connections, onFault, maxListeners } = this.#options
    if (this.#count >= maxListeners) throw tooManyListeners(maxListeners)
    const listener = new HttpListener({ handler: handler(at.port), connections, onFault })
    await listener.listen(at)
    return listener
  }

  #failed(at: SocketAddress, error: Error): void {
    if (!this.#failing.has(at.port)) this.#options.onFailing(at, error)
    this.#failing.add(at.port)
    if (this.#closed || this.#cancelRetry !== undefined) return
    this.#cancelRetry = this.#clock.after(retryPeriod, () => {
      this.#cancelRetry = undefined
      this.#update(this.#failing)
    })
  }
}
