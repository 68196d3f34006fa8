import type { Logger } from '../log/logger.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { kubeProxyProcesses } from './kube-proxy-processes.ts'
import {
  type KubeProxyLayout,
  type KubeProxyRules,
  kubeProxyLayouts,
  kubeProxyRules,
} from './kube-proxy-rules.ts'

/** Milliseconds between two looks; each starts a program or two. */
const period = 60_000

const byNft = "nft has to be installed, and CAP_NET_ADMIN given: 'nft list tables' on the node tells"

/** What it takes to see one, for whoever has to look in our place. */
export const toSee: Readonly<Record<KubeProxyLayout, string>> = {
  nftables: byNft,
  'iptables-nft': byNft,
  'iptables-legacy':
    "it takes the tool iptables-legacy, CAP_NET_RAW and the node's /run/xtables.lock, and there are such tables: 'iptables-legacy-save | grep KUBE-' on the node tells",
  ipvs: "/proc/net/dev can't be read",
}

export interface KubeProxyWatchOptions {
  readonly logger: Logger
  /** Told of what there is, when the log is. */
  readonly onFound?: (rules: readonly string[]) => void
  readonly clock?: Clock
  /** Default: of this network namespace. */
  readonly readRules?: (signal: AbortSignal) => Promise<KubeProxyRules>
  /** Default: those that this process sees. */
  readonly readProcesses?: () => Promise<readonly number[]>
}

/**
 * Looks whether kube-proxy has rules beside ours, at once and then each minute, and tells when that changes. Both
 * translate, and who comes first decides.
 */
export class KubeProxyWatch {
  readonly #options: KubeProxyWatchOptions
  readonly #clock: Clock
  #found: ReadonlyMap<KubeProxyLayout, readonly string[]> = new Map()
  #told = ''
  /** Layouts that the last look could not tell of. */
  #unseen: readonly KubeProxyLayout[] = []
  #toldUnseen = ''
  readonly #stopping = new AbortController()
  #cancel = () => {}

  constructor(options: KubeProxyWatchOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** What the last look found, by layout; empty: nothing. */
  get found(): ReadonlyMap<KubeProxyLayout, readonly string[]> {
    return this.#found
  }

  start(): void {
    void this.#look()
  }

  stop(): void {
    this.#stopping.abort()
    this.#cancel()
  }

  async #look(): Promise<void> {
    try {
      await this.#compare()
    } catch (error) {
      // No program can be started, as without memory: what was known stays.
      this.#options.logger.debug({ error }, "kube-proxy's rules can't be looked for")
    }
    if (this.#stopping.signal.aborted) return
    this.#cancel = this.#clock.after(period, () => void this.#look())
  }

  async #compare(): Promise<void> {
    const { readRules = kubeProxyRules, readProcesses = kubeProxyProcesses } = this.#options
    const rules = await readRules(this.#stopping.signal)
    const found = new Map<KubeProxyLayout, readonly string[]>()
    for (const layout of kubeProxyLayouts) {
      // What can't be told now is as it was.
      const what = rules[layout] ?? this.#found.get(layout) ?? []
      if (what.length > 0) found.set(layout, what)
    }
    this.#found = found
    this.#tellOfUnseen(kubeProxyLayouts.filter((layout) => rules[layout] === undefined))
    // Without rules it does no harm, and there may be thousands of processes to look at.
    const processes = found.size === 0 ? [] : await readProcesses()
    if (!this.#stopping.signal.aborted) this.#tell(processes)
  }

  /** Once for each set of layouts; a tool that took too long on a busy node is no news. */
  #tellOfUnseen(unseen: readonly KubeProxyLayout[]): void {
    const still = unseen.filter((layout) => this.#unseen.includes(layout))
    this.#unseen = unseen
    const text = still.join()
    if (text === '' || text === this.#toldUnseen || this.#stopping.signal.aborted) return
    this.#toldUnseen = text
    this.#options.logger.info(
      { event: 'kube-proxy-unseen', layouts: still },
      `whether kube-proxy has rules on this node by ${still.join(' or ')} can't be told here: ` +
        `${still.map((layout) => toSee[layout]).join('; ')}`,
    )
  }

  #tell(processes: readonly number[]): void {
    const rules = [...this.#found.values()].flat()
    const text = [...rules, ...processes].join('\n')
    if (text === this.#told) return
    this.#told = text
    const { logger, onFound } = this.#options
    if (rules.length === 0) {
      logger.info({ event: 'kube-proxy-gone' }, "kube-proxy's rules are gone from this node")
      return
    }
    const stop =
      processes.length === 0
        ? 'If it still runs, stop it'
        : `Stop it (process ${processes.join(', ')}; where a DaemonSet runs it, keep that off this node)`
    logger.warn(
      { event: 'kube-proxy-beside', layouts: [...this.#found.keys()], rules, processes },
      `kube-proxy has rules on this node beside ours, and both translate: ${rules.join('; ')}. ` +
        `${stop}, then run 'kube-proxy --cleanup' on this node`,
    )
    onFound?.(rules)
  }
}
