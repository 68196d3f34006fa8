import type { Degraded, IpFamily, RoutingTable } from '@portolan/core'
import type { Outcome } from './memory.ts'
import type { SkeletonProgram } from './skeleton.ts'
import type { Step } from './step.ts'

/** What brings the kernel from one state to another: first what everything stands on, then the steps. */
export interface IpvsProgram {
  readonly family: IpFamily
  /** What is wanted. */
  readonly table: RoutingTable
  readonly skeleton: SkeletonProgram
  readonly steps: readonly Step[]
  readonly outcome: Outcome
  readonly findings: readonly string[]
  readonly degraded: readonly Degraded[]
}
