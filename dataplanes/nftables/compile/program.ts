import type { CompiledProgram } from '@portolan/core'
import type { AffinityNumbers, NumbersChange } from '../layout/affinity-numbers.ts'
import type { ElementChanges } from '../layout/elements.ts'

/** From one state of one family's table to another. */
export interface NftProgram extends CompiledProgram {
  /** The table is deleted and made anew in the same transaction: it is not of this layout, or damaged. */
  readonly replace: boolean
  /** nft commands that make sets and chains which nothing leads to yet. */
  readonly declarations: readonly string[]
  readonly elements: ElementChanges
  /** What holds once the program is applied; see {@link settle}. */
  readonly outcome: Outcome
}

/** What a dataplane remembers of a family's table. */
export interface TableMemory {
  /** Names of chains and sets in the kernel. */
  readonly declared: Set<string>
  readonly numbers: AffinityNumbers
}

export interface Outcome {
  readonly memory: TableMemory
  readonly declared: ReadonlySet<string>
  readonly numbers: NumbersChange
}

/** Remembers an applied program's outcome; returns the memory that holds from now on. */
export function settle(outcome: Outcome): TableMemory {
  for (const name of outcome.declared) outcome.memory.declared.add(name)
  outcome.memory.numbers.commit(outcome.numbers)
  return outcome.memory
}
