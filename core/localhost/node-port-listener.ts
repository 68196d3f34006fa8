import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../network/address.ts'
import { tooManyListeners } from '../node/open-files.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import type { ForwardedPort } from './forwarded-port.ts'
import type { ListenerCount } from './listener-count.ts'
import { Relay, type RelayTimeouts, relayedSockets } from './relay.ts'
import type { RelayCount } from './relay-limits.ts'

/** Told what happens at a NodePort. */
export interface ForwardingObserver {
  /** It can't listen; tried again. Once until it can. */
  onPortUnavailable(port: ForwardedPort, error: Error): void
  /** It listens after all. */
  onPortAvailable(port: ForwardedPort): void
  /** Each attempt to listen that failed. */
  onListenFailed(): void
  /** A connection is refused: there are too many, or too few files. */
  onFull(port: ForwardedPort): void
  onUnreachable(port: ForwardedPort, error: Error): void
}

export interface NodePortListenerOptions {
  /** A loopback address. */
  readonly address: Address
  readonly count: RelayCount
  readonly listeners: ListenerCount
  readonly timeouts: RelayTimeouts
  readonly clock: Clock
  /** Gives numbers in [0, 1). */
  readonly random: () => number
  readonly observer: ForwardingObserver
}

/** How long it waits before it tries to listen again. */
const retryLimits: BackoffLimits = { retryMinMs: 1000, retryMaxMs: 60_000 }

/** Listens at one NodePort and relays each connection to an endpoint. Where it can't listen it tries again, for ever. */
export class NodePortListener {
  readonly #options: NodePortListenerOptions
  readonly #server: Server
  readonly #choice: EndpointChoice
  readonly #relays: Set<Relay>
  #port: ForwardedPort
  #failures = 0
  /** It has one of the listeners that there may be. */
  #isCounted = false
  #cancel: (() => void) | undefined
  #closed = false

  /** @param relays holds what is relayed, past the end of this listener */
  constructor(port: ForwardedPort, options: NodePortListenerOptions, relays: Set<Relay>) {
    this.#port = port
    this.#options = options
    this.#relays = relays
    this.#choice = new EndpointChoice(options.random)
    this.#server = createServer(relayedSockets, (client) => this.#relay(client))
    this.#server.on('listening', () => this.#succeeded())
    this.#server.on('error', (error) => this.#failed(error))
    this.#listen()
  }

  /** The route that it serves. */
  get route(): ForwardedPort['route'] {
    return this.#port.route
  }

  get isListening(): boolean {
    return this.#server.listening
  }

  /** New connections go by this; those that there are stay. */
  update(port: ForwardedPort): void {
    this.#port = port
  }

  /** Refuses new connections; those that there are go on. */
  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#server.close()
    this.#uncount()
  }

  #listen(): void {
    this.#cancel = undefined
    const { listeners } = this.#options
    if (!listeners.take()) {
      this.#failed(tooManyListeners(listeners.limit))
      return
    }
    this.#isCounted = true
    this.#server.listen({ host: this.#options.address, port: this.#port.port, ipv6Only: true })
  }

  #uncount(): void {
    if (this.#isCounted) this.#options.listeners.giveBack()
    this.#isCounted = false
  }

  #succeeded(): void {
    // It was asked to listen before it was closed.
    if (this.#closed) this.#server.close()
    else if (this.#failures > 0) this.#options.observer.onPortAvailable(this.#port)
    this.#failures = 0
  }

  #failed(error: Error): void {
    if (this.#closed) return
    const { clock, observer, random } = this.#options
    // A connection that can't be accepted, for want of files, is its client's loss; the next one may be.
    if (this.#server.listening) {
      observer.onFull(this.#port)
      return
    }
    this.#uncount()
    this.#failures++
    observer.onListenFailed()
    if (this.#failures === 1) observer.onPortUnavailable(this.#port, error)
    this.#cancel = clock.after(backoff(this.#failures, retryLimits, random), () => this.#listen())
  }

  #relay(client: Socket): void {
    const { address, clock, count, observer, timeouts } = this.#options
    const port = this.#port
    const place = `${address}|${port.port}`
    const endpoint = this.#choice.choose(port, clock.now())
    // Whoever is refused is reset, and its error has nobody else to hear it.
    client.on('error', () => {})
    if (endpoint === undefined || !count.take(place)) {
      client.resetAndDestroy()
      if (endpoint !== undefined) observer.onFull(port)
      return
    }
    const relay = new Relay({
      client,
      endpoint,
      timeouts,
      onUnreachable: (error) => observer.onUnreachable(port, error),
      onEnd: () => {
        this.#relays.delete(relay)
        count.giveBack(place)
      },
    })
    this.#relays.add(relay)
  }
}
