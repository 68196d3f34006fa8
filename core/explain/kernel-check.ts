import { stepText, type TraceStep } from '../dataplane/contract.ts'

/** What this kernel holds of a packet's way. */
export interface KernelCheck {
  /** Steps that could be compared. */
  readonly checked: number
  /** Steps that the dataplane can't compare. */
  readonly unchecked: readonly string[]
  /** Steps of which the kernel lacks something, in their order. */
  readonly missing: readonly { readonly rule: string; readonly lacks: readonly string[] }[]
}

/** Compares each step with what the kernel holds. */
export function checkSteps(steps: readonly (string | TraceStep<unknown>)[], observed: unknown): KernelCheck {
  const unchecked: string[] = []
  const missing: { rule: string; lacks: readonly string[] }[] = []
  let checked = 0
  for (const step of steps) {
    const lacks = typeof step === 'string' ? undefined : step.lacks?.(observed)
    if (lacks === undefined) unchecked.push(stepText(step))
    else checked++
    if (lacks !== undefined && lacks.length > 0) missing.push({ rule: stepText(step), lacks })
  }
  return { checked, unchecked, missing }
}
