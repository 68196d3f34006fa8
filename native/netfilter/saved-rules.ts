/** Our part of one iptables table, as iptables-save prints it. */
export interface SavedRules {
  /** Rules by chain, without `-A CHAIN`. */
  readonly chains: ReadonlyMap<string, readonly string[]>
  /** Rules in others' chains that lead to ours, without `-A`: `INPUT -j OURS`, as often as they are there. */
  readonly jumps: readonly string[]
}

export const noRules: SavedRules = { chains: new Map(), jumps: [] }

/**
 * Reads what `iptables-save` prints: our chains and what leads to them, by table. Tables without either are there too.
 *
 * @param isOurChain by its name; rules and chains of others are passed over
 */
export function readSavedRules(
  saved: string,
  isOurChain: (name: string) => boolean,
): Map<string, SavedRules> {
  const tables = new Map<string, SavedRules>()
  let chains = new Map<string, string[]>()
  let jumps: string[] = []
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map()
      jumps = []
      tables.set(line.slice(1).trim(), { chains, jumps })
    } else if (line.startsWith(':')) {
      const chain = line.slice(1, line.indexOf(' '))
      if (isOurChain(chain)) chains.set(chain, [])
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3)
      const rules = chains.get(line.slice(3, end))
      if (rules !== undefined) rules.push(normal(line.slice(end + 1)))
      else if (leadsToOurs(line, isOurChain)) jumps.push(line.slice(3))
    }
  }
  return tables
}

/** Lines for `iptables-restore --noflush` that take out of a table what was read. */
export function removalLines(table: string, { chains, jumps }: SavedRules): readonly string[] {
  const names = [...chains.keys()]
  return [
    `*${table}`,
    // Naming a chain empties it.
    ...names.map((name) => `:${name} - [0:0]`),
    ...jumps.map((jump) => `-D ${jump}`),
    ...names.map((name) => `-X ${name}`),
    'COMMIT',
  ]
}

function leadsToOurs(rule: string, isOurChain: (name: string) => boolean): boolean {
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

/**
 * A chance of `-m statistic --probability`: the nearest number that the kernel can hold, which counts in steps of 2^-31,
 * with the 11 decimals of iptables-save.
 */
export function formatProbability(chance: number): string {
  return (Math.round(chance * 2 ** 31) / 2 ** 31).toFixed(11)
}
