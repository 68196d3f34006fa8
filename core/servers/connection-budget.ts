import type { Socket } from 'node:net'

/**
 * Bounds the connections of one or more servers. When there are too many, the oldest makes room: a client that asks and
 * reads is done in milliseconds, so the oldest is one that only holds its connection.
 */
export class ConnectionBudget {
  readonly #limit: number
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#sockets.size
  }

  take(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#sockets.size <= this.#limit) return
    const [oldest] = this.#sockets
    if (oldest === undefined) return
    // Others may come before it tells that it is closed, and each of them has to make another one go.
    this.#sockets.delete(oldest)
    oldest.destroy()
  }
}
