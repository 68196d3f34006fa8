import type { Table, TableRules } from './iptables-rules.ts'

/** What is in one iptables table of ours, read back: chains with their number of rules, and jumps to them. */
export interface HeldRules {
  readonly chains: ReadonlyMap<string, number>
  /** Jumps from built-in chains to chains of ours: `INPUT PORTIPVS-INPUT`, as often as they are there. */
  readonly jumps: readonly string[]
}

const ours = /^PORTIPVS-/

/** Reads what `iptables-save` prints. Rules and chains of others are passed over. */
export function readSaved(text: string): Map<Table, HeldRules> {
  const tables = new Map<Table, { chains: Map<string, number>; jumps: string[] }>()
  let current = { chains: new Map<string, number>(), jumps: [] as string[] }
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      current = { chains: new Map(), jumps: [] }
      tables.set(line.slice(1).trim() as Table, current)
    } else if (line.startsWith(':')) {
      const name = line.slice(1).split(' ')[0] ?? ''
      if (ours.test(name)) current.chains.set(name, 0)
    } else if (line.startsWith('-A ')) {
      const [, chain = ''] = line.split(' ')
      const target = / -[jg] (\S+)/.exec(line)?.[1] ?? ''
      if (ours.test(chain)) current.chains.set(chain, (current.chains.get(chain) ?? 0) + 1)
      else if (ours.test(target)) current.jumps.push(`${chain} ${target}`)
    }
  }
  return tables
}

/** What differs in a table, in words; empty: nothing. */
export function differences({ table, chains, jumps }: TableRules, held: HeldRules | undefined): string[] {
  const found: string[] = []
  for (const [name, rules] of chains) {
    const have = held?.chains.get(name)
    if (have !== rules.length)
      found.push(
        `chain ${name} of ${table}: ${have === undefined ? 'missing' : `${have} rules instead of ${rules.length}`}`,
      )
  }
  for (const name of held?.chains.keys() ?? [])
    if (!chains.has(name)) found.push(`chain ${name} of ${table}: too many`)
  for (const [hook, target] of jumps) {
    const count = held?.jumps.filter((jump) => jump === `${hook} ${target}`).length ?? 0
    if (count !== 1) found.push(`chain ${hook} of ${table}: ${count} jumps to ${target} instead of 1`)
  }
  return found
}

/**
 * For `iptables-restore --noflush`: makes a table's chains what they should be, in one transaction. Chains that stay are
 * filled anew, jumps that are there stay where they are, and everything of others stays as it is.
 */
export function restoreScript({ table, chains, jumps }: TableRules, held: HeldRules | undefined): string {
  const wanted = new Set([...jumps].map(([hook, target]) => `${hook} ${target}`))
  const lines = [`*${table}`]
  for (const name of chains.keys()) lines.push(`:${name} - [0:0]`)
  const seen = new Set<string>()
  for (const jump of held?.jumps ?? []) {
    const [hook = '', target = ''] = jump.split(' ')
    if (!wanted.has(jump) || seen.has(jump)) lines.push(`-D ${hook} -j ${target}`)
    seen.add(jump)
  }
  for (const [name, rules] of chains) for (const rule of rules) lines.push(`-A ${name} ${rule}`)
  for (const [hook, target] of jumps)
    if (!seen.has(`${hook} ${target}`)) lines.push(`-I ${hook} 1 -j ${target}`)
  const stale = [...(held?.chains.keys() ?? [])].filter((name) => !chains.has(name))
  for (const name of stale) lines.push(`-F ${name}`)
  for (const name of stale) lines.push(`-X ${name}`)
  lines.push('COMMIT')
  return `${lines.join('\n')}\n`
}

/** Takes everything of ours out of a table. */
export function removeScript(table: Table, held: HeldRules): string {
  const names = [...held.chains.keys()]
  const lines = [
    `*${table}`,
    ...held.jumps.map((jump) => `-D ${jump.replace(' ', ' -j ')}`),
    ...names.map((name) => `-F ${name}`),
    ...names.map((name) => `-X ${name}`),
    'COMMIT',
  ]
  return `${lines.join('\n')}\n`
}
