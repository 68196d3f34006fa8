import type { Evaluation } from '../table/evaluate.ts'
import type { ObservedSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { TableChange } from '../table/table-change.ts'
import type { CompiledProgram } from './compiled-program.ts'

/**
 * The pure half of a dataplane: from routing tables to programs of one kernel mechanism, and into words. No method has
 * effects, each gives the same answer when called again, and all of them work without root, the kernel, or an opened
 * dataplane: `plan` and `explain` call them for clusters that they have read from a file.
 *
 * `Program` is what the mechanism needs to go from one state to another, `Observed` what the kernel holds, read back.
 * The core looks into neither, but for {@link CompiledProgram}. `Memory` is what the dataplane remembers of a family
 * (numbers that it gave to things, names of chains): a program proposes, and only `apply` settles, because a program
 * may be compiled and never applied, or refused.
 */
export interface Compiler<Program extends CompiledProgram, Observed, Memory = void> {
  /** The program for a change. Costs what the change costs, never what the table would. */
  compile(change: TableChange, memory: Memory): Program

  /**
   * The program from what the kernel holds to the whole table: the difference alone.
   *
   * @param observed `undefined`: a kernel without anything of ours
   */
  reconcile(observed: Observed | undefined, table: RoutingTable, memory: Memory): Program

  /** The program in the mechanism's own language, for a person: what `plan` shows. Empty text: nothing to do. */
  print(program: Program): string

  /** The way of one evaluated packet through the mechanism, step by step: what `explain` shows as rules. */
  trace(table: RoutingTable, evaluation: Evaluation): readonly (string | TraceStep<Observed>)[]

  /**
   * The order in which the kernel holds a list of a route's endpoints: their `endpointKey`s by slot. The core takes it
   * over at a warm start, so that `reconcile` finds every endpoint where it is. `undefined`: the kernel doesn't hold
   * the list. Leave the method out if order means nothing to the dataplane: no name and no content of anything in the
   * kernel depends on it. If it does (a slot number, a chain whose rules count endpoints), a restart without this method
   * rewrites every Service.
   */
  endpointOrder?(observed: Observed, route: ServiceRoute, scope: EndpointScope): readonly string[] | undefined

  /**
   * What the kernel holds of those sets that follow objects which a start may have to do without: a Node object that is
   * missing, ServiceCIDRs that may not be read. The core then takes the table's sets from here, so that a restart takes
   * nothing away that a running process would have kept. Asked only then. Without it they are taken away, which is the
   * gap `unknownNode`.
   */
  observedSets?(observed: Observed, table: RoutingTable): ObservedSets
}

/**
 * One step of a packet's way through the mechanism. A step that is mere text can't be compared with the kernel, and
 * `explain --from kernel` says so.
 */
export interface TraceStep<Observed> {
  /** One line: the rule, the element, the program, in the mechanism's own words. */
  readonly text: string
  /** What of this step the kernel lacks or has otherwise, one line each; empty: it is as it should be. */
  lacks?(observed: Observed): readonly string[]
}

export function stepText(step: string | TraceStep<unknown>): string {
  return typeof step === 'string' ? step : step.text
}
