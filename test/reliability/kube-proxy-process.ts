import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { network } from '@portolan/lab'
import { nodeName } from './cluster-objects.ts'

export type KubeProxyMode = 'nftables' | 'iptables'

const path = '/usr/sbin:/usr/bin:/sbin:/bin'
const limitMs = 120_000

/** The real kube-proxy on a virtual node. */
export class KubeProxyProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #said = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        this.#said = (this.#said + String(chunk)).slice(-4000)
      })
  }

  /** Resolves when it has written its rules, in both families. */
  static async start(
    program: string,
    mode: KubeProxyMode,
    { networkNamespace, kubeconfig }: Readonly<Record<'networkNamespace' | 'kubeconfig', string>>,
  ): Promise<KubeProxyProcess> {
    const args = [
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${nodeName}`,
      `--cluster-cidr=${network.IPv4.clusterCidr},${network.IPv6.clusterCidr}`,
      `--proxy-mode=${mode}`,
      '--nodeport-addresses=0.0.0.0/0,::/0',
      // Sysctls of the whole machine.
      ...['max-per-core', 'tcp-timeout-established', 'tcp-timeout-close-wait'].map(
        (name) => `--conntrack-${name}=0`,
      ),
    ]
    // By its name it is found among processes.
    const folder = await mkdtemp(join(tmpdir(), 'portolan-kube-proxy-'))
    const named = join(folder, 'kube-proxy')
    await symlink(program, named)
    const inNode = ['nsenter', `--net=${networkNamespace}`, named, ...args]
    const env = { ...process.env, PATH: path }
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...inNode], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    child.once('exit', () => void rm(folder, { recursive: true, force: true }))
    const started = new KubeProxyProcess(child)
    try {
      await started.#hasRules(networkNamespace)
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  }

  async #hasRules(networkNamespace: string): Promise<void> {
    const end = performance.now() + limitMs
    for (;;) {
      const rules = await kubeProxyRulesText(networkNamespace)
      // Of the Service whose clients wait for it, in each family.
      const families = ['10.96.7.1', 'fd00:10:96::7:1'].filter((address) => rules.includes(address))
      if (families.length === 2) return
      if (this.#child.exitCode !== null || performance.now() > end)
        throw new Error(`kube-proxy has no rules:\n${this.#said}`)
      await sleep(200)
    }
  }

  /** Ends it as kubelet does; its rules stay. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 30_000)
    await ended
    clearTimeout(timer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** All that kube-proxy has on a node: its tables of nftables, and lines of iptables that name its chains. */
export async function kubeProxyRulesText(networkNamespace: string): Promise<string> {
  const tables = await Promise.all(
    ['ip', 'ip6'].map((family) => run(networkNamespace, 'nft', 'list', 'table', family, 'kube-proxy')),
  )
  const saved = await Promise.all(
    ['iptables', 'ip6tables'].flatMap((program) =>
      ['nft', 'legacy'].map((variant) => run(networkNamespace, `${program}-${variant}-save`)),
    ),
  )
  // KUBE-FIREWALL is kubelet's as well, and no clean-up's.
  const isKubeProxys = (line: string) => line.includes('KUBE-') && !line.includes('KUBE-FIREWALL')
  const lines = saved.flatMap((text) => text.split('\n').filter(isKubeProxys))
  return [...tables, ...lines].join('\n').trim()
}

async function run(networkNamespace: string, ...command: readonly string[]): Promise<string> {
  const child = spawn('nsenter', [`--net=${networkNamespace}`, ...command], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PATH: path },
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += String(chunk)
  })
  await once(child, 'close')
  return text
}
