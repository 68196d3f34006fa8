import { removalLines, type SavedRules } from '@portolan/native/netfilter'
import type { TableRules } from './iptables-rules.ts'

const jumpText = (hook: string, target: string) => `${hook} -j ${target}`

/** What differs in a table, in words; empty: nothing. */
export function differences(
  { table, chains, jumps }: TableRules,
  observed: SavedRules | undefined,
): string[] {
  const found: string[] = []
  for (const [name, rules] of chains) {
    const difference = differenceOf(rules, observed?.chains.get(name))
    if (difference !== undefined) found.push(`chain ${name} of ${table}: ${difference}`)
  }
  for (const name of observed?.chains.keys() ?? [])
    if (!chains.has(name)) found.push(`chain ${name} of ${table}: too many`)
  const wanted = new Set<string>()
  for (const [hook, target] of jumps) {
    const jump = jumpText(hook, target)
    wanted.add(jump)
    const count = observed?.jumps.filter((one) => one === jump).length ?? 0
    if (count !== 1) found.push(`chain ${hook} of ${table}: ${count} jumps to ${target} instead of 1`)
  }
  for (const jump of observed?.jumps ?? [])
    if (!wanted.has(jump))
      found.push(`chain ${jump.split(' ')[0]} of ${table}: another rule that leads to ours`)
  return found
}

function differenceOf(
  wanted: readonly string[],
  observed: readonly string[] | undefined,
): string | undefined {
  if (observed === undefined) return 'missing'
  if (observed.length !== wanted.length) return `${observed.length} rules instead of ${wanted.length}`
  const other = wanted.findIndex((rule, index) => rule !== observed[index])
  return other < 0 ? undefined : `rule ${other + 1} is another one`
}

/**
 * For `iptables-restore --noflush`: makes a table's chains what they should be, in one transaction. Chains that stay are
 * filled anew, jumps that are there stay where they are, and everything of others stays as it is.
 */
export function restoreScript(
  { table, chains, jumps }: TableRules,
  observed: SavedRules | undefined,
): string {
  const wanted = new Set([...jumps].map(([hook, target]) => jumpText(hook, target)))
  const lines = [`*${table}`]
  for (const name of chains.keys()) lines.push(`:${name} - [0:0]`)
  const seen = new Set<string>()
  for (const jump of observed?.jumps ?? []) {
    if (!wanted.has(jump) || seen.has(jump)) lines.push(`-D ${jump}`)
    seen.add(jump)
  }
  for (const [name, rules] of chains) for (const rule of rules) lines.push(`-A ${name} ${rule}`)
  for (const [hook, target] of jumps)
    if (!seen.has(jumpText(hook, target))) lines.push(`-I ${hook} 1 -j ${target}`)
  const stale = [...(observed?.chains.keys() ?? [])].filter((name) => !chains.has(name))
  for (const name of stale) lines.push(`-F ${name}`)
  for (const name of stale) lines.push(`-X ${name}`)
  lines.push('COMMIT')
  return `${lines.join('\n')}\n`
}

/** Takes everything of ours out of a table. */
export function removeScript(table: string, observed: SavedRules): string {
  return `${removalLines(table, observed).join('\n')}\n`
}
