import type { IpFamily } from '../network/address.ts'

/** What the core reads of a program. The rest of it is the dataplane's own. */
export interface CompiledProgram {
  readonly family: IpFamily
  /** Kernel operations: set elements, rules, map updates. Zero if and only if there is nothing to do. */
  readonly operations: number
  /**
   * Of a program by `reconcile`: what the kernel holds differently, a line for each object, such as `chain services:
   * 0 rules instead of 4`. For the log when rules have drifted. Empty for a program by `compile`.
   */
  readonly findings: readonly string[]
  /** Routes that the program can't serve as asked, of those that it is about. */
  readonly degraded: readonly Degraded[]
}

/** A route that can't be programmed as asked: left out, or with less than was asked. */
export interface Degraded {
  /** Its key, never its name: by the key the log says later that it works as asked again. */
  readonly route: string
  readonly reason: string
}
