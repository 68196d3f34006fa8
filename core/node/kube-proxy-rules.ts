import { readFile } from 'node:fs/promises'
import { askLegacyFilter, type NetfilterFamily, netfilterFamilies } from './legacy-filter.ts'
import { askTool, type ToolAnswer } from './system-tool.ts'

/** Which of its modes left rules on a node; iptables by which of the two back ends of iptables. */
export const kubeProxyLayouts = ['nftables', 'iptables-nft', 'iptables-legacy', 'ipvs'] as const

export type KubeProxyLayout = (typeof kubeProxyLayouts)[number]

/** What there is of a layout, as an operator would look it up; empty: nothing. `undefined`: it can't be told here. */
export type KubeProxyRules = Readonly<Record<KubeProxyLayout, readonly string[] | undefined>>

type Ask = (program: string, args: readonly string[]) => Promise<ToolAnswer>

/**
 * A chain of table filter that kube-proxy has in its modes iptables and ipvs, and nobody else: kubelet makes others.
 * Its table and the chain itself are short, where those that translate have a rule for each Service.
 */
const chain = 'KUBE-FORWARD'

/**
 * What kube-proxy has in this network namespace, whether it still runs or left it behind (SEMANTICS 14 to 16). Only
 * reads, and only what is short, however many Services there are.
 */
export async function kubeProxyRules(signal?: AbortSignal): Promise<KubeProxyRules> {
  const ask: Ask = (program, args) => askTool(program, args, signal)
  const nftTables = await readNftTables(ask)
  return {
    nftables: nftTables?.filter((table) => /^table ip6? kube-proxy$/.test(table)),
    'iptables-nft': await inEachFamily((family) => nftChain(ask, family, nftTables)),
    'iptables-legacy': await inEachFamily((family) => legacyChain(family, signal)),
    ipvs: await ipvsInterface(),
  }
}

/**
 * Of all tables: the command that reads least. `list tables` reads every set as well, and `list chains` every chain of
 * every Service, as nft 1.0 does it.
 */
async function readNftTables(ask: Ask): Promise<readonly string[] | undefined> {
  const answer = await ask('nft', ['list', 'flowtables'])
  if (answer.is !== 'done') return undefined
  return answer.output
    .split('\n')
    .filter((line) => line.startsWith('table '))
    .map((line) => line.replace(/ \{.*/, ''))
}

async function nftChain(ask: Ask, family: NetfilterFamily, nftTables: readonly string[] | undefined) {
  const what = `iptables-nft: chain ${chain} of ${family.name} filter`
  if (nftTables === undefined)
    return foundBy(what, await ask(`${family.iptables}-nft`, ['-t', 'filter', '-S', chain]))
  if (!nftTables.includes(`table ${family.name} filter`)) return []
  return foundBy(what, await ask('nft', ['list', 'chain', family.name, 'filter', chain]))
}

async function legacyChain(family: NetfilterFamily, signal: AbortSignal | undefined) {
  const answer = await askLegacyFilter(family, chain, signal)
  return answer === undefined
    ? []
    : foundBy(`iptables-legacy: chain ${chain} of ${family.name} filter`, answer)
}

function foundBy(what: string, { is }: ToolAnswer): readonly string[] | undefined {
  return is === 'unknown' ? undefined : is === 'done' ? [what] : []
}

/** kube-proxy's dummy interface holds every ClusterIP. `/proc/net` is that of this process's network namespace. */
async function ipvsInterface(): Promise<readonly string[] | undefined> {
  const interfaces = await readFile('/proc/net/dev', 'utf8').catch(() => undefined)
  if (interfaces === undefined) return undefined
  return /^ *kube-ipvs0:/m.test(interfaces) ? ['interface kube-ipvs0'] : []
}

/** What is told of one family is told; nothing is claimed to be absent unless both say so. */
async function inEachFamily(
  look: (family: NetfilterFamily) => Promise<readonly string[] | undefined>,
): Promise<readonly string[] | undefined> {
  const found: (readonly string[] | undefined)[] = []
  for (const family of netfilterFamilies) found.push(await look(family))
  const known = found.flatMap((part) => part ?? [])
  return known.length === 0 && found.includes(undefined) ? undefined : known
}
