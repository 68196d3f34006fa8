import { inNamespace, readProc } from '../proc.ts'
import { type SystemCommand, SystemCommandError } from '../system-command.ts'
import type { IpFamily } from './family.ts'

/** Which machinery of the kernel is behind iptables: its own tables, or nf_tables. */
export type IptablesVariant = 'legacy' | 'nft'

export const iptablesVariants: readonly IptablesVariant[] = ['legacy', 'nft']

/** The programs of one variant for one family. */
export interface IptablesPrograms {
  readonly variant: IptablesVariant
  /** Such as `1.8.9`. */
  readonly version: string
  readonly iptables: string
  readonly save: string
  readonly restore: string
}

/** `ip6tables-legacy-save`; without a variant, what the system calls by the plain name. */
export function iptablesProgram(
  family: IpFamily,
  variant: IptablesVariant | undefined,
  action?: 'save' | 'restore',
): string {
  const plain = family === 'IPv4' ? 'iptables' : 'ip6tables'
  return [plain, variant, action].filter((part) => part !== undefined).join('-')
}

/**
 * Finds a variant's programs: by the names that tell, or where only one variant is installed by the plain name.
 * `undefined`: it isn't installed.
 *
 * @throws SystemCommandError of a program that is there and doesn't run
 */
export async function findIptables(
  command: SystemCommand,
  variant: IptablesVariant,
  family: IpFamily,
): Promise<IptablesPrograms | undefined> {
  for (const iptables of [iptablesProgram(family, variant), iptablesProgram(family, undefined)]) {
    const found = await versionOf(command, iptables)
    if (found?.variant !== variant) continue
    return { ...found, iptables, save: `${iptables}-save`, restore: `${iptables}-restore` }
  }
  return undefined
}

/** `iptables v1.8.9 (nf_tables)`: what a program says of itself; `undefined` where it isn't there. */
async function versionOf(
  command: SystemCommand,
  program: string,
): Promise<{ readonly version: string; readonly variant: IptablesVariant } | undefined> {
  try {
    const said = await command.run(program, ['--version'])
    const version = /v(\d+(?:\.\d+)*)/.exec(said)?.[1] ?? said.trim()
    return { version, variant: said.includes('nf_tables') ? 'nft' : 'legacy' }
  } catch (error) {
    if (error instanceof SystemCommandError && error.code === 'COMMAND_NOT_FOUND') return undefined
    throw error
  }
}

/** Chains by which kubelet shows which variant the node uses (KEP-3178). */
const hints = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY']

/**
 * The variant to use where the operator doesn't choose: the one that has our chains already, else the one that kubelet
 * uses, else the one with more rules, else nft.
 */
export async function detectIptablesVariant(
  command: SystemCommand,
  isOurChain: (name: string) => boolean,
): Promise<IptablesVariant> {
  const saved = await Promise.all(iptablesVariants.map((variant) => saveAll(command, variant)))
  const findChain = (isSign: (chain: string) => boolean) =>
    iptablesVariants.find((_, index) =>
      saved[index]?.some((line) => line.startsWith(':') && isSign(line.slice(1, line.indexOf(' ')))),
    )
  const known = findChain(isOurChain) ?? findChain((chain) => hints.includes(chain))
  if (known !== undefined) return known
  const [legacy = 0, nft = 0] = saved.map((lines) => lines?.filter((line) => line.startsWith('-')).length)
  if (legacy > nft) return 'legacy'
  return saved[iptablesVariants.indexOf('nft')] === undefined ? 'legacy' : 'nft'
}

/** The lines that iptables-save prints of all tables in use; `undefined`: there is no such variant here. */
async function saveAll(
  command: SystemCommand,
  variant: IptablesVariant,
): Promise<readonly string[] | undefined> {
  const programs = await findIptables(command, variant, 'IPv4')
  if (programs === undefined) return undefined
  return (await command.run(programs.save, [])).split('\n')
}

/** The legacy tables that exist: to ask iptables-legacy-save for one that doesn't would make it. */
export function legacyTables(command: SystemCommand, family: IpFamily): readonly string[] {
  const file = family === 'IPv4' ? 'ip_tables_names' : 'ip6_tables_names'
  const names = inNamespace(command.networkNamespace, () => readProc(`/proc/thread-self/net/${file}`))
  return names?.split('\n').filter((name) => name !== '') ?? []
}
