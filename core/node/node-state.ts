import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IpFamily } from '../network/address.ts'
import { kubeProxyProcesses } from './kube-proxy-processes.ts'
import { type KubeProxyLayout, kubeProxyLayouts, kubeProxyRules } from './kube-proxy-rules.ts'
import { askLegacyFilter, netfilterFamilies } from './legacy-filter.ts'
import { type Holder, holderHere } from './one-at-a-time.ts'
import { askTool, type ToolLimits } from './system-tool.ts'

/** What else is at work on a node, as far as it concerns who else translates and filters packets. */
export interface NodeState {
  /** Absent: nobody. `silent`: somebody who doesn't say who. */
  readonly portolan?: Holder | 'silent'
  /** What kube-proxy has there, as an operator would look it up. */
  readonly kubeProxyRules: readonly string[]
  /** Layouts of which it can't be told whether kube-proxy has rules by them. */
  readonly kubeProxyUnknown: readonly KubeProxyLayout[]
  readonly kubeProxyProcesses: readonly number[]
  /** Names of this network namespace's interfaces. */
  readonly interfaces: readonly string[]
  /** Names of what is pinned where networks of pods pin their maps. */
  readonly bpfPins: readonly string[]
  /** Where tables of nf_tables take packets; `undefined`: it can't be told, without nft or the right to ask. */
  readonly chains: readonly BaseChain[] | undefined
  /** Families whose packets iptables-legacy's chain FORWARD drops by its policy; `undefined`: it can't be told. */
  readonly legacyForwardDrops: readonly IpFamily[] | undefined
  /** Whether this namespace forwards; `undefined`: it can't be told. */
  readonly forwards: Readonly<Record<IpFamily, boolean | undefined>>
}

/** A chain that the kernel calls. iptables-nft's are among them. */
export interface BaseChain {
  /** `ip`, `ip6`, `inet` */
  readonly family: string
  readonly table: string
  readonly name: string
  /** `nat`, `filter`, `route` */
  readonly type: string
  /** `prerouting` */
  readonly hook: string
  readonly priority: number
  readonly policy: string
}

/**
 * Reads it; changes nothing.
 *
 * @param bpf where the bpf file system is
 */
export async function readNodeState(bpf = '/sys/fs/bpf'): Promise<NodeState> {
  const [holder, rules, processes, interfaces, bpfPins, chains, legacy, IPv4, IPv6] = await Promise.all([
    holderHere(),
    kubeProxyRules(),
    kubeProxyProcesses(),
    readInterfaces(),
    readPins(bpf),
    readChains(),
    readLegacyForwardDrops(),
    readForwarding('/proc/sys/net/ipv4/ip_forward'),
    readForwarding('/proc/sys/net/ipv6/conf/all/forwarding'),
  ])
  return {
    ...(holder === 'gone' ? {} : { portolan: holder ?? 'silent' }),
    kubeProxyRules: Object.values(rules).flatMap((found) => found ?? []),
    kubeProxyUnknown: kubeProxyLayouts.filter((layout) => rules[layout] === undefined),
    kubeProxyProcesses: processes,
    interfaces,
    bpfPins,
    chains,
    legacyForwardDrops: legacy,
    forwards: { IPv4, IPv6 },
  }
}

async function readInterfaces(): Promise<readonly string[]> {
  const text = await readFile('/proc/net/dev', 'utf8').catch(() => '')
  return [...text.matchAll(/^ *([^\s:]+):/gm)].map(([, name = '']) => name)
}

/** Cilium and Calico pin where iproute2 does; Cilium's newer maps have a folder of their own. */
async function readPins(bpf: string): Promise<readonly string[]> {
  const names = await Promise.all(
    ['tc/globals', 'cilium', 'calico'].map((folder) => readdir(join(bpf, folder)).catch(() => [])),
  )
  return names.flat()
}

async function readForwarding(path: string): Promise<boolean | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : text.trim() !== '0'
}

async function readLegacyForwardDrops(): Promise<readonly IpFamily[] | undefined> {
  const closed: IpFamily[] = []
  for (const family of netfilterFamilies) {
    const answer = await askLegacyFilter(family, 'FORWARD')
    if (answer === undefined) continue
    if (answer.is !== 'done') return undefined
    if (/^-P FORWARD DROP$/m.test(answer.output)) closed.push(family.family)
  }
  return closed
}

/** kube-proxy's chains are among those that nft lists: a hundred bytes for each Service and each endpoint. */
const limitsOfChains: ToolLimits = { timeout: 30_000, maxBuffer: 256 << 20 }

async function readChains(): Promise<readonly BaseChain[] | undefined> {
  const answer = await askTool('nft', ['-j', 'list', 'chains'], undefined, limitsOfChains)
  return answer.is === 'done' ? parseChains(answer.output) : undefined
}

/** The base chains of what `nft -j list chains` prints; `undefined` for anything else. */
export function parseChains(text: string): readonly BaseChain[] | undefined {
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    return undefined
  }
  const items = (said as { readonly nftables?: unknown } | null)?.nftables
  if (!Array.isArray(items)) return undefined
  return items.flatMap((item: { readonly chain?: Readonly<Record<string, unknown>> } | null) => {
    const { family, table, name, type, hook, prio, policy } = item?.chain ?? {}
    if (typeof hook !== 'string' || typeof prio !== 'number') return []
    const [text, rest] = [String, { hook, priority: prio, policy: String(policy ?? '') }]
    return { family: text(family), table: text(table), name: text(name), type: text(type), ...rest }
  })
}
