import type { IpFamily } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { isOurChain } from '../layout/layout.ts'
import { inNamespace, readProc } from './proc.ts'

/** Which machinery of the kernel is behind iptables: its own tables, or nftables. */
export type Variant = 'legacy' | 'nft'

export const variants: readonly Variant[] = ['legacy', 'nft']

/** The tools of one variant for one family. */
export interface Tools {
  readonly variant: Variant
  readonly save: string
  readonly restore: string
}

/** The tools' names on systems that have both variants, and where only one is there under the plain name. */
export async function findTools(
  command: SystemCommand,
  variant: Variant,
  family: IpFamily,
): Promise<Tools | undefined> {
  const plain = family === 'IPv4' ? 'iptables' : 'ip6tables'
  for (const name of [`${plain}-${variant}`, plain]) {
    const version = await versionOf(command, name)
    if (version?.variant === variant) return { variant, save: `${name}-save`, restore: `${name}-restore` }
  }
  return undefined
}

/** `iptables v1.8.9 (nf_tables)`: what a tool says of itself; `undefined` where it isn't there. */
export async function versionOf(
  command: SystemCommand,
  name: string,
): Promise<{ readonly version: string; readonly variant: Variant } | undefined> {
  try {
    const said = await command.run(name, ['--version'])
    const version = /v(\d+(?:\.\d+)*)/.exec(said)?.[1] ?? said.trim()
    return { version, variant: said.includes('nf_tables') ? 'nft' : 'legacy' }
  } catch (error) {
    if (error instanceof SystemCommandError && error.code === 'COMMAND_NOT_FOUND') return undefined
    throw error
  }
}

/** Chains by which kubelet tells everybody which variant the node uses (KEP-3178). */
const hints = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY']

/**
 * The variant to use where the operator doesn't say: the one that has our chains already, else the one that kubelet
 * uses, else the one with more rules, else nft.
 */
export async function detectVariant(command: SystemCommand): Promise<Variant> {
  const saved = await Promise.all(variants.map((variant) => saveAll(command, variant)))
  const findChain = (isSign: (chain: string) => boolean) =>
    variants.find((_, index) =>
      saved[index]?.some((line) => line.startsWith(':') && isSign(line.slice(1, line.indexOf(' ')))),
    )
  const known = findChain(isOurChain) ?? findChain((chain) => hints.includes(chain))
  if (known !== undefined) return known
  const [legacy = 0, nft = 0] = saved.map((lines) => lines?.filter((line) => line.startsWith('-')).length)
  if (legacy > nft) return 'legacy'
  return saved[variants.indexOf('nft')] === undefined ? 'legacy' : 'nft'
}

/** The lines that iptables-save prints of all tables in use; `undefined`: there is no such variant here. */
async function saveAll(command: SystemCommand, variant: Variant): Promise<readonly string[] | undefined> {
  const tools = await findTools(command, variant, 'IPv4')
  if (tools === undefined) return undefined
  return (await command.run(tools.save, [])).split('\n')
}

/** Whether a legacy table exists: to ask iptables-legacy-save for one that doesn't would make it. */
export function hasLegacyTable(command: SystemCommand, family: IpFamily, table: string): boolean {
  const file = family === 'IPv4' ? 'ip_tables_names' : 'ip6_tables_names'
  const names = inNamespace(command.networkNamespace, () => readProc(`/proc/thread-self/net/${file}`))
  return names?.split('\n').includes(table) ?? false
}
