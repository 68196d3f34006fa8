import * as net from 'node:net'
import { inNetworkNamespace } from '@portolan/native'

/**
 * A TCP port of a network namespace that leads to a server which that namespace can't reach. Bytes pass as they are, TLS
 * too.
 */
export class NamespaceRelay {
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #sentBytes = 0

  private constructor(server: net.Server) {
    this.#server = server
  }

  /** @param target host and port, reached from the caller's namespace */
  static async listen(
    networkNamespace: string,
    target: { readonly host: string; readonly port: number },
  ): Promise<NamespaceRelay> {
    const server = net.createServer({ allowHalfOpen: true })
    const relay = new NamespaceRelay(server)
    server.on('connection', (client) => relay.#join(client, net.connect({ ...target, allowHalfOpen: true })))
    // Without a host to look up it is bound before `listen` returns, so in that namespace.
    inNetworkNamespace(networkNamespace, () => server.listen(0))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (server.listening) resolve()
      else server.once('listening', resolve)
    })
    return relay
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  /** Bytes that have come from the server so far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: net.Socket, server: net.Socket): void {
    for (const [socket, peer] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.once('close', () => {
        this.#sockets.delete(socket)
        peer.destroy()
      })
      socket.pipe(peer)
    }
    server.on('data', (chunk: Buffer) => {
      this.#sentBytes += chunk.length
    })
  }
}
