import type { CompiledProgram, RoutingTable, TableChange } from '@portolan/core'
import { baseChains, baseRulesCommands, tableName } from './base-rules.ts'
import { type Contents, contentsOfChange, contentsOfTable, nothing } from './contents.ts'

/** What the kernel holds of ours. */
export interface ObservedState {
  /** Number of rules by chain; empty: there is no table. */
  readonly chains: ReadonlyMap<string, number>
  readonly elements: ReadonlyMap<string, string>
}

/** One nft transaction, a command a line. */
export interface Program extends CompiledProgram {
  readonly commands: readonly string[]
}

export function compile(change: TableChange, mark: string): Program {
  const { before, after } = contentsOfChange(change, mark)
  return programOf(difference(before, after), [])
}

export function reconcile(observed: ObservedState = noTable, table: RoutingTable, mark: string): Program {
  const baseRules = baseChains(table.podSource, mark)
  const wanted = contentsOfTable(table, mark)
  if (isSound(observed, baseRules, wanted.chains)) {
    const services = [...observed.chains].filter(([name]) => !baseRules.has(name))
    const commands = difference({ chains: new Map(services), elements: observed.elements }, wanted)
    // The commands themselves say best what the kernel lacks.
    return programOf(commands, commands)
  }
  // One transaction, so that no packet meets a node without a table.
  const remove = observed.chains.size === 0 ? [] : [`delete table ip ${tableName}`]
  const commands = [...remove, ...baseRulesCommands(baseRules), ...difference(nothing(), wanted)]
  return programOf(commands, commands)
}

const noTable: ObservedState = { chains: new Map(), elements: new Map() }

function programOf(commands: readonly string[], findings: readonly string[]): Program {
  return { family: 'IPv4', operations: commands.length, findings, degraded: [], commands }
}

/** Whether the base rules are ours, and no chain has lost or gained a rule. */
function isSound(
  { chains }: ObservedState,
  baseRules: ReadonlyMap<string, readonly string[]>,
  wanted: ReadonlyMap<string, readonly string[]>,
): boolean {
  const isThere = [...baseRules.keys()].every((name) => chains.has(name))
  return (
    isThere &&
    [...baseRules, ...wanted].every(([name, { length }]) => (chains.get(name) ?? length) === length)
  )
}

/** What leads from one to the other: new chains first, then the elements, old chains last, when nothing leads there. */
function difference(
  before: { readonly chains: ReadonlyMap<string, unknown>; readonly elements: ReadonlyMap<string, string> },
  after: Contents,
): readonly string[] {
  const at = `ip ${tableName}`
  const fresh = [...after.chains].filter(([name]) => !before.chains.has(name))
  const stale = [...before.chains.keys()].filter((name) => !after.chains.has(name))
  const gone = [...before.elements].filter(([id, chain]) => after.elements.get(id) !== chain)
  const come = [...after.elements].filter(([id, chain]) => before.elements.get(id) !== chain)
  return [
    ...fresh.flatMap(([name, rules]) => [
      `add chain ${at} ${name}`,
      ...rules.map((rule) => `add rule ${at} ${name} ${rule}`),
    ]),
    ...gone.map((element) => elementCommand('delete', element)),
    ...come.map((element) => elementCommand('add', element)),
    ...stale.map((name) => `delete chain ${at} ${name}`),
  ]
}

function elementCommand(verb: 'add' | 'delete', [id, chain]: readonly [string, string]): string {
  const space = id.indexOf(' ')
  const [set, key] = [id.slice(0, space), id.slice(space + 1)]
  return `${verb} element ip ${tableName} ${set} { ${key}${chain === '' ? '' : ` : goto ${chain}`} }`
}
