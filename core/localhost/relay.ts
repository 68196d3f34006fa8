import { connect, type Socket } from 'node:net'
import type { Address } from '../network/address.ts'

/** Milliseconds. */
export interface RelayTimeouts {
  /** For the endpoint to accept the connection. */
  readonly connect: number
  /** Without a byte either way. */
  readonly idle: number
  /** The same, once one side has said that it sends no more. */
  readonly halfClosed: number
}

/** kube-proxy's for a connection to an endpoint, and what conntrack gives one that it translates (SEMANTICS 17). */
export const usualTimeouts: RelayTimeouts = { connect: 5000, idle: 86_400_000, halfClosed: 3_600_000 }

/** Bytes that a socket holds back before its other side is made to wait. */
const bufferSize = 16_384

/** Milliseconds of silence before the kernel asks a peer whether it is still there; one that isn't is gone 10 s later. */
const keepAliveDelay = 60_000

/** Options of a server whose sockets are relayed. */
export const relayedSockets = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveDelay,
  highWaterMark: bufferSize,
} as const

export interface RelayOptions {
  readonly client: Socket
  readonly endpoint: { readonly address: Address; readonly port: number }
  readonly timeouts: RelayTimeouts
  /** The endpoint can't be reached. The client's connection is reset then. */
  readonly onUnreachable: (error: Error) => void
  /** Both connections are closed. */
  readonly onEnd: () => void
}

/**
 * Two connections that are one to those at their ends: every byte, the end of each direction by itself, and a reset go
 * from one to the other. Who reads slowly makes the other side wait; a relay holds at most some 320 KiB.
 */
export class Relay {
  readonly #client: Socket
  readonly #server: Socket
  #open = 2

  constructor({ client, endpoint, timeouts, onUnreachable, onEnd }: RelayOptions) {
    const server = connect({ ...relayedSockets, host: endpoint.address, port: endpoint.port })
    this.#client = client
    this.#server = server
    // What goes either way is read or written at the client's socket.
    const watchSilence = () => {
      const isHalfClosed = client.readableEnded || server.readableEnded
      client.setTimeout(isHalfClosed ? timeouts.halfClosed : timeouts.idle)
    }
    for (const socket of [client, server]) {
      socket.once('end', watchSilence)
      socket.once('close', () => {
        this.#open--
        if (this.#open === 0) onEnd()
      })
    }
    client.once('error', () => passEnd(client, server))
    server.once('error', (error) => {
      if (!isConnected) onUnreachable(error)
      passEnd(server, client)
    })
    let isConnected = false
    server.setTimeout(timeouts.connect, () =>
      server.destroy(new Error(`no answer within ${timeouts.connect} ms`)),
    )
    server.once('connect', () => {
      isConnected = true
      server.setTimeout(0)
      client.once('timeout', () => this.reset())
      watchSilence()
      client.pipe(server)
      server.pipe(client)
    })
  }

  /** Ends it at once; what is under way is lost, and both ends know. */
  reset(): void {
    reset(this.#client)
    reset(this.#server)
  }
}

/** One side is gone. Where it had said all before, the other side still gets it; else that side's connection breaks too. */
function passEnd(gone: Socket, other: Socket): void {
  if (gone.readableEnded) other.destroySoon()
  else reset(other)
}

function reset(socket: Socket): void {
  if (socket.destroyed) return
  // A reset while the last segment is being sent is refused by libuv; the other end has everything then anyway.
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  if (socket.connecting || isEnding) socket.destroy()
  else socket.resetAndDestroy()
}
