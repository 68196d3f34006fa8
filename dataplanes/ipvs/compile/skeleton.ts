import type { IptablesVariant } from '@portolan/native/netfilter'
import type { LeftOver, ObservedState } from '../layout/held.ts'
import { iptablesRules, type RuleSetting } from '../layout/iptables-rules.ts'
import { differences, removeScript, restoreScript } from '../layout/iptables-script.ts'
import { routingTable, rulePriority } from '../layout/marks.ts'
import { kernelName, type SetName, sets } from '../layout/sets.ts'
import { sysctlsOf } from '../layout/sysctls.ts'

export type Setting = RuleSetting

/** What is to be made of it. */
export interface SkeletonProgram {
  readonly createSets: readonly SetName[]
  /** For `iptables-restore --noflush`, one for each table; absent: nothing to do. */
  readonly rules: readonly string[]
  /** For the `iptables-restore` of the variant that is not used any more. */
  readonly leftOver?: { readonly variant: IptablesVariant; readonly scripts: readonly string[] }
  /** The mark, and its mask, whose packets are to be led to this node. */
  readonly routeMark?: number
  readonly sysctls: ReadonlyMap<string, string>
  readonly findings: readonly string[]
  /** On which all of it stands; absent in a program that doesn't touch it. */
  readonly setting?: Setting
}

export const nothingMissing: SkeletonProgram = {
  createSets: [],
  rules: [],
  sysctls: new Map(),
  findings: [],
}

export function skeletonProgram(held: ObservedState, setting: Setting): SkeletonProgram {
  const createSets = sets.map(({ name }) => name).filter((name) => !held.elements.has(name))
  const findings = createSets.map((name) => `ipset ${kernelName(held.family, name)}: missing`)
  const rules: string[] = []
  for (const wanted of iptablesRules(setting)) {
    const have = held.skeleton.rules.get(wanted.table)
    const different = differences(wanted, have)
    if (different.length === 0) continue
    findings.push(...different.map((text) => `${held.family} ${text}`))
    rules.push(restoreScript(wanted, have))
  }
  const sysctls = new Map(
    [...sysctlsOf(held.family)].filter(([name, value]) => held.skeleton.sysctls.get(name) !== value),
  )
  for (const [name, value] of sysctls)
    findings.push(`sysctl ${name}: ${held.skeleton.sysctls.get(name) ?? 'not there'} instead of ${value}`)
  const { leftOver, routed } = held.skeleton
  if (leftOver !== undefined) findings.push(`${held.family} rules of iptables-${leftOver.variant}: left over`)
  if (!routed)
    findings.push(`${held.family} rule ${rulePriority} and route of table ${routingTable}: missing`)
  return {
    createSets,
    rules,
    ...(leftOver === undefined ? {} : { leftOver: removal(leftOver) }),
    sysctls,
    findings,
    setting,
    ...(routed ? {} : { routeMark: 2 ** setting.routeMarkBit }),
  }
}

function removal({ variant, tables }: LeftOver): NonNullable<SkeletonProgram['leftOver']> {
  return { variant, scripts: [...tables].map(([table, rules]) => removeScript(table, rules)) }
}

/** Kernel operations of it. */
export function skeletonOperations(skeleton: SkeletonProgram): number {
  const { createSets, rules, leftOver, routeMark, sysctls } = skeleton
  const scripts = rules.length + (leftOver?.scripts.length ?? 0)
  return createSets.length + scripts + sysctls.size + (routeMark === undefined ? 0 : 2)
}
