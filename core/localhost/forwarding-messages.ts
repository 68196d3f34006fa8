import type { IpFamily } from '../network/address.ts'
import type { ForwardedPort, ForwardingChange } from './forwarded-port.ts'

/** To the thread that forwards. */
export type ForwardingRequest =
  | { readonly do: 'change'; readonly family: IpFamily; readonly change: ForwardingChange }
  /** Ends every connection, and then the thread. */
  | { readonly do: 'close' }

/** From that thread. */
export type ForwardingNotice =
  | {
      readonly tell: 'unavailable' | 'available' | 'full' | 'unreachable'
      readonly family: IpFamily
      readonly at: Pick<ForwardedPort, 'port' | 'name'>
      /** Of the system, where it is one: `EADDRINUSE`. */
      readonly reason: string
    }
  | { readonly tell: 'counts'; readonly counts: ForwardingCounts }

/** Since the thread began. */
export interface ForwardingCounts {
  /** NodePorts at which it listens now. */
  readonly listening: Readonly<Record<IpFamily, number>>
  /** Attempts to listen that failed. */
  readonly listenFailures: Readonly<Record<IpFamily, number>>
  /** Connections that are relayed now. */
  readonly connections: number
  /** Connections that were refused because there were too many. */
  readonly refused: number
  /** Connections whose endpoint couldn't be reached. */
  readonly unreachable: number
}

export const noCounts: ForwardingCounts = {
  listening: { IPv4: 0, IPv6: 0 },
  listenFailures: { IPv4: 0, IPv6: 0 },
  connections: 0,
  refused: 0,
  unreachable: 0,
}
