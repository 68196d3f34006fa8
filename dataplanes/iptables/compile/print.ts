import { routeLocalnetMarker, type SetKind, setName, standInName } from '../layout/sets.ts'
import { restoreLines } from './chain-edits.ts'
import type { IptablesProgram, UncountedProgram } from './program.ts'

/**
 * What `ipset restore` takes before the rules and after them. An element of most sets counts only for packets that no
 * rule translated. So one that refuses stands before its rule goes, and goes after its rule stands; and ClusterIPs and
 * their ranges, which refuse what the rules leave over, the other way round.
 */
export interface SetLines {
  readonly before: readonly string[]
  /** Right before the table nat, one by one: each takes itself back. */
  readonly swaps: readonly string[]
  readonly after: readonly string[]
  /** Takes `before` back. */
  readonly undone: readonly string[]
}

const afterRules: readonly SetKind[] = ['cluster-ips', 'service-cidrs']

export function setLines(program: UncountedProgram): SetLines {
  const { family, otherSets, resizedSets, newSets, elements, oldSets } = program
  const isResized = (name: string) => resizedSets.includes(name)
  const made = (name: string) => (isResized(name) ? standInName(name) : name)
  const isNew = new Set(newSets.map(({ name }) => name))
  const before = [
    ...otherSets.map((name) => `destroy ${name}`),
    ...newSets.map(({ name, type }) => `create ${made(name)} ${type}`),
  ]
  const undone: string[] = []
  const after: string[] = []
  for (const [kind, { added, removed }] of elements) {
    const name = setName(family, kind)
    if (isResized(name)) {
      for (const element of added) before.push(`add ${made(name)} ${element}`)
      continue
    }
    const late = afterRules.includes(kind)
    const [early, first, last] = late ? [removed, 'del', 'add'] : [added, 'add', 'del']
    for (const element of early) {
      before.push(`${first} ${name} ${element}`)
      // What goes by its name until it is made may be another one, which stays if this one can't be made.
      if (!isNew.has(name)) undone.push(`${last} ${name} ${element}`)
    }
    for (const element of late ? added : removed) after.push(`${last} ${name} ${element}`)
  }
  // A set stays for a moment after its last rule, so its clients are forgotten first, and it goes when it can.
  for (const name of oldSets) after.push(`flush ${name}`)
  const swaps = resizedSets.map((name) => `swap ${made(name)} ${name}`)
  for (const name of resizedSets) after.push(`destroy ${made(name)}`)
  for (const { name } of newSets) undone.push(`destroy ${made(name)}`)
  return { before, swaps, after, undone }
}

/** The program in the order in which it is applied. Empty: nothing to do. */
export function print(program: IptablesProgram): string {
  const { before, swaps, after } = setLines(program)
  const suffix = program.family === 'IPv4' ? '' : '6'
  const restore = `# ip${suffix}tables-restore --noflush`
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['# ipset -exist restore', before],
    [restore, restoreLines('filter', program.filter)],
    ['# sysctl -w', program.needsRouteLocalnet ? ['net.ipv4.conf.all.route_localnet=1'] : []],
    [
      '# ipset -exist restore',
      program.needsRouteLocalnet ? [`create ${routeLocalnetMarker.name} ${routeLocalnetMarker.type}`] : [],
    ],
    ['# ipset -exist restore', swaps],
    [restore, restoreLines('nat', program.nat)],
    ['# ipset -exist restore', after],
    ['# ipset -exist restore', program.oldSets.map((name) => `destroy ${name}`)],
    [
      `# ip${suffix}tables-${program.leftOver}`,
      program.leftOver === undefined ? [] : ['# every chain of ours, and what leads to them, goes'],
    ],
  ]
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}\n${lines.join('\n')}\n`)
    .join('')
}

/** Kernel operations of a program: chains made, emptied or deleted, rules, elements, sets. */
export function operations(program: UncountedProgram): number {
  const { before, swaps, after } = setLines(program)
  const rules = (['filter', 'nat'] as const).map((name) => restoreLines(name, program[name]).length)
  const lines = rules.reduce((sum, count) => sum + Math.max(0, count - 2), 0)
  const others = (program.needsRouteLocalnet ? 1 : 0) + (program.leftOver === undefined ? 0 : 1)
  return lines + before.length + swaps.length + after.length + program.oldSets.length + others
}

/** How many transactions of the tables a program takes. */
export function transactions(program: IptablesProgram): number {
  return (['filter', 'nat'] as const).filter((name) => restoreLines(name, program[name]).length > 0).length
}
