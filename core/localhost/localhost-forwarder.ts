import type { Address, IpFamily } from '../network/address.ts'
import { loopbackAddress } from '../network/special-addresses.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import type { ForwardingChange } from './forwarded-port.ts'
import { ListenerCount } from './listener-count.ts'
import { type ForwardingObserver, NodePortListener } from './node-port-listener.ts'
import { type Relay, type RelayTimeouts, usualTimeouts } from './relay.ts'
import { RelayCount, type RelayLimits } from './relay-limits.ts'

export interface LocalhostForwarderOptions {
  readonly limits: RelayLimits
  /** NodePorts at which it listens at most, over both families. */
  readonly maxListeners: number
  /** Told of what happens in a family. */
  readonly observer: (family: IpFamily) => ForwardingObserver
  /** Where it listens. Default: 127.0.0.1 and ::1. */
  readonly addressOf?: (family: IpFamily) => Address
  readonly timeouts?: RelayTimeouts
  readonly clock?: Clock
  /** Gives numbers in [0, 1). */
  readonly random?: () => number
}

/**
 * Serves NodePorts at 127.0.0.1 and ::1 where the kernel doesn't (KEP-6032): it listens there at each TCP NodePort, and
 * relays what connects. The endpoint sees the node as its client.
 */
export class LocalhostForwarder {
  readonly #options: Required<LocalhostForwarderOptions>
  readonly #count: RelayCount
  readonly #listenerCount: ListenerCount
  readonly #listeners: Readonly<Record<IpFamily, Map<number, NodePortListener>>> = {
    IPv4: new Map(),
    IPv6: new Map(),
  }
  readonly #relays = new Set<Relay>()

  constructor(options: LocalhostForwarderOptions) {
    this.#options = {
      addressOf: loopbackAddress,
      timeouts: usualTimeouts,
      clock: systemClock,
      random: Math.random,
      ...options,
    }
    this.#count = new RelayCount(options.limits)
    this.#listenerCount = new ListenerCount(options.maxListeners)
  }

  /** Connections that are relayed now. */
  get connections(): number {
    return this.#count.total
  }

  /** NodePorts of a family at which it listens now. */
  listening(family: IpFamily): number {
    return [...this.#listeners[family].values()].filter(({ isListening }) => isListening).length
  }

  change(family: IpFamily, { removed, set }: ForwardingChange): void {
    const listeners = this.#listeners[family]
    const kept = new Set(set.map(({ port }) => port))
    for (const { port, route } of removed) {
      const listener = listeners.get(port)
      // A port that goes to another route never stops answering.
      if (listener?.route !== route || kept.has(port)) continue
      listener.close()
      listeners.delete(port)
    }
    for (const port of set) {
      const listener = listeners.get(port.port)
      if (listener !== undefined) listener.update(port)
      else listeners.set(port.port, this.#listen(family, port))
    }
  }

  /** Refuses new connections and ends those that there are. */
  close(): void {
    for (const listeners of Object.values(this.#listeners)) {
      for (const listener of listeners.values()) listener.close()
      listeners.clear()
    }
    for (const relay of this.#relays) relay.reset()
  }

  #listen(family: IpFamily, port: ForwardingChange['set'][number]): NodePortListener {
    const { addressOf, clock, observer, random, timeouts } = this.#options
    const address = addressOf(family)
    return new NodePortListener(
      port,
      {
        address,
        count: this.#count,
        listeners: this.#listenerCount,
        timeouts,
        clock,
        random,
        observer: observer(family),
      },
      this.#relays,
    )
  }
}
