import { readFile } from 'node:fs/promises'
import { askTool, type ToolAnswer } from './system-tool.ts'

/** Which of its modes left rules on a node; iptables by which of the two back ends of iptables. */
export const kubeProxyLayouts = ['nftables', 'iptables-nft', 'iptables-legacy', 'ipvs'] as const

export type KubeProxyLayout = (typeof kubeProxyLayouts)[number]

/** What there is of a layout, as an operator would look it up; empty: nothing. `undefined`: it can't be told here. */
export type KubeProxyRules = Readonly<Record<KubeProxyLayout, readonly string[] | undefined>>

/** The families of netfilter, and what its programs are called. */
const families = [
  { name: 'ip', iptables: 'iptables', tables: '/proc/net/ip_tables_names' },
  { name: 'ip6', iptables: 'ip6tables', tables: '/proc/net/ip6_tables_names' },
] as const

type Family = (typeof families)[number]
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
    'iptables-legacy': await inEachFamily((family) => legacyChain(ask, family)),
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

async function nftChain(ask: Ask, family: Family, nftTables: readonly string[] | undefined) {
  const what = `iptables-nft: chain ${chain} of ${family.name} filter`
  if (nftTables === undefined)
    return foundBy(what, await ask(`${family.iptables}-nft`, ['-t', 'filter', '-S', chain]))
  if (!nftTables.includes(`table ${family.name} filter`)) return []
  return foundBy(what, await ask('nft', ['list', 'chain', family.name, 'filter', chain]))
}

/** To ask of a legacy table makes it, so only one that exists is asked for. */
async function legacyChain(ask: Ask, family: Family) {
  const tables = await readFile(family.tables, 'utf8').catch(() => '')
  if (!tables.split('\n').includes('filter')) return []
  const what = `iptables-legacy: chain ${chain} of ${family.name} filter`
  return foundBy(what, await ask(`${family.iptables}-legacy`, ['-w', '1', '-t', 'filter', '-S', chain]))
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
  look: (family: Family) => Promise<readonly string[] | undefined>,
): Promise<readonly string[] | undefined> {
  const found: (readonly string[] | undefined)[] = []
  for (const family of families) found.push(await look(family))
  const known = found.flatMap((part) => part ?? [])
  return known.length === 0 && found.includes(undefined) ? undefined : known
}
