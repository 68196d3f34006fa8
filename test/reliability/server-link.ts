import { kubeconfigText } from '@portolan/api-server'
import { type Lab, NamespaceRelay, network } from '@portolan/lab'
import type { FaultyServer } from './faulty-server.ts'

const table = 'inet api-link'

/**
 * The way from the node to the API server: a port of the lab's host `outside`, before which packets can be lost. What
 * is done to it is done at that host, so that the node's own rules are as they were.
 */
export class ServerLink implements AsyncDisposable {
  readonly #lab: Lab
  readonly #relay: NamespaceRelay
  readonly #server: FaultyServer

  private constructor(lab: Lab, server: FaultyServer, relay: NamespaceRelay) {
    this.#lab = lab
    this.#server = server
    this.#relay = relay
  }

  static async to(server: FaultyServer, lab: Lab): Promise<ServerLink> {
    const target = { host: '127.0.0.1', port: server.port }
    return new ServerLink(lab, server, await NamespaceRelay.listen(lab.outside.networkNamespace, target))
  }

  /** Of a kubeconfig for the node. */
  get kubeconfig(): string {
    const { certificateAuthority: ca, token } = this.#server
    const url = `https://${network.IPv4.outside}:${this.#relay.port}`
    return kubeconfigText({ url, ca, tlsServerName: '127.0.0.1' }, { token })
  }

  /** From now on every packet is lost, and no one is told. */
  async cut(): Promise<void> {
    await this.#filter(`tcp dport ${this.#relay.port} drop`, `tcp sport ${this.#relay.port} drop`)
  }

  /** From now on the port refuses, as that of a host without a server does. */
  async refuse(): Promise<void> {
    const { port } = this.#relay
    const nothingButResets = `tcp sport ${port} tcp flags & rst == 0 drop`
    await this.#filter(`tcp dport ${port} reject with tcp reset`, nothingButResets)
  }

  async join(): Promise<void> {
    await this.#nft([`add table ${table}`, `delete table ${table}`])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay.close()
  }

  async #filter(input: string, output: string): Promise<void> {
    await this.#nft([
      `add table ${table}`,
      `add chain ${table} input { type filter hook input priority 0 ; }`,
      `add chain ${table} output { type filter hook output priority 0 ; }`,
      `add rule ${table} input ${input}`,
      `add rule ${table} output ${output}`,
    ])
  }

  async #nft(lines: readonly string[]): Promise<void> {
    await this.#lab.outside.exec('nft', ['-f', '-'], { input: lines.join('\n') })
  }
}
