/**
 * Chains of iptables that are kube-proxy's, in modes iptables and ipvs: what `kube-proxy --cleanup` removes. kubelet has others
 * of the same prefix (KUBE-FIREWALL, KUBE-MARK-DROP, KUBE-KUBELET-CANARY, KUBE-IPTABLES-HINT), which stay.
 */
const names: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-NODE-PORT',
  'KUBE-POSTROUTING',
  'KUBE-MARK-MASQ',
  'KUBE-FORWARD',
  'KUBE-PROXY-FIREWALL',
  'KUBE-PROXY-CANARY',
])
const ofServices = /^KUBE-(SVC|SVL|SEP|FW|EXT|XLB)-[A-Z2-7]+$/

/** From nat to filter, by whose chain KUBE-FORWARD the rest is found: what is interrupted is found again. */
const tables = ['mangle', 'raw', 'nat', 'filter']

interface Rule {
  readonly chain: string
  /** As iptables-save prints it, after `-A`. */
  readonly text: string
  /** Where it leads to; absent: a target that is no chain's name. */
  readonly target: string | undefined
}

interface Table {
  readonly chains: Set<string>
  /** The kernel's own. */
  readonly builtIn: Set<string>
  readonly rules: Rule[]
}

/** What of a table goes. */
export interface ChainRemoval {
  readonly table: string
  readonly chains: number
  /** For `iptables-restore --noflush`, from `*table` to `COMMIT`: one transaction. */
  readonly lines: readonly string[]
}

/**
 * What takes kube-proxy's chains out of all tables, and the rules that lead there, and nothing else. One that a rule of
 * somebody else's chain leads to stays, with all that it leads to itself.
 *
 * @param saved what iptables-save prints
 */
export function kubeProxyRemoval(saved: string): readonly ChainRemoval[] {
  const found = readTables(saved)
  return tables.flatMap((name) => {
    const table = found.get(name)
    return table === undefined ? [] : removalOf(name, table)
  })
}

function isKubeProxys(chain: string): boolean {
  return names.has(chain) || ofServices.test(chain)
}

function removalOf(name: string, { chains, builtIn, rules }: Table): readonly ChainRemoval[] {
  const ours = new Set([...chains].filter(isKubeProxys))
  const keep = (chain: string): void => {
    if (!ours.delete(chain)) return
    for (const { chain: from, target } of rules) if (from === chain && target !== undefined) keep(target)
  }
  for (const { chain, target } of rules)
    if (target !== undefined && !builtIn.has(chain) && !isKubeProxys(chain)) keep(target)
  if (ours.size === 0) return []
  const jumps = rules.filter(
    ({ chain, target }) => target !== undefined && ours.has(target) && !ours.has(chain),
  )
  const lines = [
    `*${name}`,
    // Naming a chain empties it.
    ...[...ours].map((chain) => `:${chain} - [0:0]`),
    ...jumps.map(({ text }) => `-D ${text}`),
    ...[...ours].map((chain) => `-X ${chain}`),
    'COMMIT',
  ]
  return [{ table: name, chains: ours.size, lines }]
}

function readTables(saved: string): Map<string, Table> {
  const found = new Map<string, Table>()
  let table: Table | undefined
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: new Set(), builtIn: new Set(), rules: [] }
      found.set(line.slice(1).trim(), table)
    } else if (line.startsWith(':')) {
      const [chain = '', policy = '-'] = line.slice(1).split(' ')
      if (policy === '-') table?.chains.add(chain)
      else table?.builtIn.add(chain)
    } else if (line.startsWith('-A ')) {
      const text = line.slice('-A '.length)
      // A comment may say anything.
      const target = / -[jg] (\S+)/.exec(text.replaceAll(/"(?:\\.|[^"\\])*"/g, '""'))?.[1]
      table?.rules.push({ chain: text.slice(0, text.indexOf(' ')), text, target })
    }
  }
  return found
}
