import type { CompiledProgram, RouteKey } from '@portolan/core'
import type { IptablesVariant } from '@portolan/native/netfilter'
import type { SetDeclaration, SetKind } from '../layout/sets.ts'
import type { ChainEdits } from './chain-edits.ts'
import type { DispatchChange, DispatchTree } from './dispatch-tree.ts'
import type { ElementEdits } from './element-edits.ts'

/** From one state of one family's rules to another. */
export interface IptablesProgram extends CompiledProgram {
  /** Sets of another type that have names of ours: they go before {@link newSets} come. */
  readonly otherSets: readonly string[]
  /** Names of those of {@link newSets} that are there in another size: they are filled beside them, and swapped. */
  readonly resizedSets: readonly string[]
  /** Sets that are not there yet. */
  readonly newSets: readonly SetDeclaration[]
  readonly elements: ReadonlyMap<SetKind, ElementEdits>
  readonly filter: ChainEdits
  /** What takes `filter` back, should the table nat be refused after it. */
  readonly filterUndone: ChainEdits
  readonly nat: ChainEdits
  /** Sets of clients that no rule asks for any more. */
  readonly oldSets: readonly string[]
  /** NodePorts answer at loopback, which the kernel must be told to route. */
  readonly needsRouteLocalnet: boolean
  /** The variant whose rules of ours go once these stand. */
  readonly leftOver?: IptablesVariant
  /** What the operator should know besides. */
  readonly notices: readonly string[]
  readonly outcome: Outcome
}

/** A program before its operations are counted. */
export type UncountedProgram = Omit<IptablesProgram, 'operations'>

/** What a dataplane remembers of a family's rules. */
export interface TableMemory {
  readonly tree: DispatchTree
  /** How many sets of clients each route has. */
  readonly clientSets: Map<RouteKey, number>
  /** Routes that asked for affinity when there was no room for their sets. */
  readonly waiting: Set<RouteKey>
}

/** What holds once a program is applied; see {@link settle}. */
export interface Outcome {
  readonly memory: TableMemory
  readonly dispatch: DispatchChange
  readonly clientSets: ReadonlyMap<RouteKey, number>
  readonly waiting: ReadonlySet<RouteKey>
}

/** Remembers an applied program's outcome; returns the memory that holds from now on. */
export function settle({ memory, dispatch, clientSets, waiting }: Outcome): TableMemory {
  memory.tree.commit(dispatch)
  for (const [route, count] of clientSets) {
    if (count === 0) memory.clientSets.delete(route)
    else memory.clientSets.set(route, count)
    memory.waiting.delete(route)
  }
  for (const route of waiting) memory.waiting.add(route)
  return memory
}
