import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { NamespaceRelay } from '@portolan/lab'

const run = promisify(execFile)
const ours = '10.99.0.1'
const theirs = '10.99.0.2'

/**
 * A network namespace that reaches a server of this one by a link that can be cut: packets are lost, and no one is told.
 * Needs root and a network namespace of the caller's own.
 */
export class CutLink implements AsyncDisposable {
  readonly networkNamespace: string
  readonly kubeconfig: string
  readonly #holder: ChildProcess
  readonly #relay: NamespaceRelay

  private constructor(holder: ChildProcess, relay: NamespaceRelay, kubeconfig: string) {
    this.#holder = holder
    this.#relay = relay
    this.networkNamespace = `/proc/${holder.pid}/ns/net`
    this.kubeconfig = kubeconfig
  }

  /** @param kubeconfig of a server at 127.0.0.1 */
  static async to(server: URL, kubeconfig: string): Promise<CutLink> {
    const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', 'infinity'])
    // Until it has a namespace of its own, it is in ours.
    const own = await run('readlink', ['/proc/self/ns/net'])
    for (;;) {
      const its = await run('readlink', [`/proc/${holder.pid}/ns/net`])
      if (its.stdout !== own.stdout) break
    }
    const pid = String(holder.pid)
    await run('ip', ['link', 'add', 'cut0', 'type', 'veth', 'peer', 'name', 'cut1', 'netns', pid])
    await run('ip', ['address', 'add', `${ours}/24`, 'dev', 'cut0'])
    await run('ip', ['link', 'set', 'cut0', 'up'])
    const inside = ['--net', '--target', pid, 'ip']
    await run('nsenter', [...inside, 'address', 'add', `${theirs}/24`, 'dev', 'cut1'])
    await run('nsenter', [...inside, 'link', 'set', 'cut1', 'up'])

    const relay = await NamespaceRelay.listen('/proc/self/ns/net', {
      host: '127.0.0.1',
      port: Number(server.port),
    })
    const link = new CutLink(holder, relay, `${kubeconfig}-cut`)
    const config = JSON.parse(await readFile(kubeconfig, 'utf8'))
    config.clusters[0].cluster.server = `https://${ours}:${relay.port}`
    config.clusters[0].cluster['tls-server-name'] = server.hostname
    await writeFile(link.kubeconfig, JSON.stringify(config), { mode: 0o600 })
    return link
  }

  async cut(): Promise<void> {
    await run('ip', ['link', 'set', 'cut0', 'down'])
  }

  async join(): Promise<void> {
    await run('ip', ['link', 'set', 'cut0', 'up'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay.close()
    this.#holder.kill('SIGKILL')
    await run('ip', ['link', 'delete', 'cut0']).catch(() => {})
  }
}
