import type { HeldTable } from '../layout/held.ts'
import { isOurChain } from '../layout/layout.ts'
import { formatProbability } from '../layout/probability.ts'

/** What `iptables-save -t TABLE` tells of ours. */
export function readRules(saved: string): HeldTable {
  const chains = new Map<string, string[]>()
  const jumps: string[] = []
  for (const line of saved.split('\n')) {
    if (line.startsWith(':')) {
      const chain = line.slice(1, line.indexOf(' '))
      if (isOurChain(chain)) chains.set(chain, [])
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3)
      const chain = line.slice(3, end)
      const rules = chains.get(chain)
      if (rules !== undefined) rules.push(normal(line.slice(end + 1)))
      else if (leadsToOurs(line)) jumps.push(line.slice(3))
    }
  }
  return { chains, jumps }
}

function leadsToOurs(rule: string): boolean {
  // A comment may say anything.
  const target = / -[jg] (\S+)/.exec(rule.replaceAll(/"(?:\\.|[^"\\])*"/g, '""'))?.[1]
  return target !== undefined && isOurChain(target)
}

/** Versions of iptables print chances with more or fewer decimals. */
function normal(rule: string): string {
  const at = rule.indexOf('--probability ')
  if (at < 0) return rule
  const start = at + '--probability '.length
  const end = rule.indexOf(' ', start)
  return rule.slice(0, start) + formatProbability(Number(rule.slice(start, end))) + rule.slice(end)
}
