import type { IptablesVariant } from '@portolan/native/netfilter'
import { iptablesRules, type RuleSetting } from '../layout/iptables-rules.ts'
import { differences, removeScript, restoreScript } from '../layout/iptables-script.ts'
import { routingTable, rulePriority } from '../layout/marks.ts'
import type { LeftOver, ObservedState } from '../layout/observed-state.ts'
import { kernelName, type SetName, sets } from '../layout/sets.ts'
import { sysctlsOf } from '../layout/sysctls.ts'

export type Setting = RuleSetting

/** What is to be made of it. */
export interface BaseRulesProgram {
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

export const nothingMissing: BaseRulesProgram = {
  createSets: [],
  rules: [],
  sysctls: new Map(),
  findings: [],
}

export function baseRulesProgram(observedState: ObservedState, setting: Setting): BaseRulesProgram {
  const createSets = sets.map(({ name }) => name).filter((name) => !observedState.elements.has(name))
  const findings = createSets.map((name) => `ipset ${kernelName(observedState.family, name)}: missing`)
  const rules: string[] = []
  for (const wanted of iptablesRules(setting)) {
    const have = observedState.baseRules.rules.get(wanted.table)
    const different = differences(wanted, have)
    if (different.length === 0) continue
    findings.push(...different.map((text) => `${observedState.family} ${text}`))
    rules.push(restoreScript(wanted, have))
  }
  const sysctls = new Map(
    [...sysctlsOf(observedState.family)].filter(
      ([name, value]) => observedState.baseRules.sysctls.get(name) !== value,
    ),
  )
  for (const [name, value] of sysctls)
    findings.push(
      `sysctl ${name}: ${observedState.baseRules.sysctls.get(name) ?? 'not there'} instead of ${value}`,
    )
  const { leftOver, routed } = observedState.baseRules
  if (leftOver !== undefined)
    findings.push(`${observedState.family} rules of iptables-${leftOver.variant}: left over`)
  if (!routed)
    findings.push(`${observedState.family} rule ${rulePriority} and route of table ${routingTable}: missing`)
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

function removal({ variant, tables }: LeftOver): NonNullable<BaseRulesProgram['leftOver']> {
  return { variant, scripts: [...tables].map(([table, rules]) => removeScript(table, rules)) }
}

/** Kernel operations of it. */
export function baseRulesOperations(baseRules: BaseRulesProgram): number {
  const { createSets, rules, leftOver, routeMark, sysctls } = baseRules
  const scripts = rules.length + (leftOver?.scripts.length ?? 0)
  return createSets.length + scripts + sysctls.size + (routeMark === undefined ? 0 : 2)
}
