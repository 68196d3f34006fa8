import type { CompiledProgram } from './compiled-program.ts'

/**
 * What a mechanism holds, as a value for each name: for one whose things don't need each other, so that they may come and go
 * in any order. No two things have the same name, whatever the cluster.
 */
export type NamedValues = ReadonlyMap<string, string>

/** From one state of such a mechanism to another. */
export interface NamedValuesProgram extends CompiledProgram {
  readonly removed: readonly string[]
  /** What is new, or has another value. */
  readonly set: NamedValues
}

/** The program from one state to another, an operation for each name that differs; without findings. */
export function namedValuesProgram(
  before: NamedValues,
  after: NamedValues,
  { family, degraded }: Pick<CompiledProgram, 'family' | 'degraded'>,
): NamedValuesProgram {
  const removed = [...before.keys()].filter((name) => !after.has(name))
  const set = new Map([...after].filter(([name, value]) => before.get(name) !== value))
  return { family, operations: removed.length + set.size, findings: [], degraded, removed, set }
}

/** A line for each operation, as `print` is to give it, and `findings` are. */
export function namedValuesLines({
  removed,
  set,
}: Pick<NamedValuesProgram, 'removed' | 'set'>): readonly string[] {
  const gone = removed.map((name) => `remove ${name}`)
  return [...gone, ...[...set].map(([name, value]) => `set ${name}${value && ` = ${value}`}`)]
}
