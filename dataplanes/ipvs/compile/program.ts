import type { CompiledProgram, RoutingTable } from '@portolan/core'
import type { BaseRulesProgram } from './base-rules.ts'
import type { Outcome } from './memory.ts'
import type { Step } from './step.ts'

/** What brings the kernel from one state to another: first what everything stands on, then the steps. */
export interface IpvsProgram extends CompiledProgram {
  /** What is wanted. */
  readonly table: RoutingTable
  readonly baseRules: BaseRulesProgram
  readonly steps: readonly Step[]
  readonly outcome: Outcome
}
