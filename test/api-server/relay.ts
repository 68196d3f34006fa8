import * as net from 'node:net'

/**
 * A TCP relay before the server that can freeze: connections stay open, new ones are accepted, but no byte passes in
 * either direction. For a client that is a server whose process is stopped; not even an HTTP/2 ping is answered.
 */
export class Relay {
  readonly #targetPort: number
  readonly #host: string
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  readonly #peers = new WeakMap<net.Socket, net.Socket>()
  #frozen = false

  constructor(host: string, targetPort: number) {
    this.#host = host
    this.#targetPort = targetPort
    this.#server = net.createServer({ pauseOnConnect: true }, (client) => this.#join(client))
  }

  /** Resolves with the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, this.#host, () => resolve((this.#server.address() as net.AddressInfo).port))
    })
  }

  freeze(): void {
    this.#frozen = true
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  thaw(): void {
    // A socket that flows already would be piped twice, and every byte sent twice.
    if (!this.#frozen) return
    this.#frozen = false
    for (const socket of this.#sockets) this.#flow(socket)
  }

  /** Breaks all connections with a TCP reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Closes all connections, with nothing more said on them. */
  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Its connections must have been ended. */
  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: net.Socket): void {
    const server = net.connect({ host: this.#host, port: this.#targetPort })
    this.#peers.set(client, server)
    this.#peers.set(server, client)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.#peers.get(socket)?.destroy()
      })
      if (!this.#frozen) this.#flow(socket)
    }
  }

  #flow(socket: net.Socket): void {
    const peer = this.#peers.get(socket)
    if (peer !== undefined) socket.pipe(peer)
  }
}
