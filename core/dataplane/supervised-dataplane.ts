import type { IpFamily } from '../network/address.ts'
import type { Evaluation } from '../table/evaluate.ts'
import type { ObservedSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { TableChange } from '../table/table-change.ts'
import type { UdpFlows } from '../table/udp-flows.ts'
import type { Capabilities } from './capabilities.ts'
import {
  checkApplyReport,
  checkCleanupReport,
  checkDrainReport,
  checkEndpointOrder,
  checkForgottenFlows,
  checkLines,
  checkObservedSets,
  checkProbeReport,
  checkProgram,
  checkText,
  checkTrace,
  checkUnchanged,
} from './check-results.ts'
import type { CompiledProgram } from './compiled-program.ts'
import type { TraceStep } from './compiler.ts'
import { type ApplyResult, contractVersion, type Dataplane } from './contract.ts'
import { isDataplaneError } from './dataplane-error.ts'
import type { DataplaneParts } from './dataplane-parts.ts'
import type { CleanupReport, DrainReport, ForgottenFlows, ProbeReport } from './kernel.ts'
import { OpenedDataplane } from './opened-dataplane.ts'
import { SupervisedCalls, type SupervisionOptions } from './supervised-calls.ts'
import { type PartialProgram, UncompilableRoutes } from './uncompilable-routes.ts'

export interface SupervisedParts<Program extends CompiledProgram, Observed, Handle, Memory> {
  readonly name: string
  readonly capabilities: Capabilities
  readonly parts: DataplaneParts<Program, Observed, Handle, Memory>
  /** Aborted by `stop`. */
  readonly stopped: AbortController
}

/** The same in every copy of this package. */
const supervisedBy = Symbol.for('@portolan/core/dataplane: supervised by contract version')

/** Whether `defineDataplane` has made it, whichever copy of this package that came from: a dataplane may bring its own. */
export function isSupervised(dataplane: object): boolean {
  return Reflect.get(dataplane, supervisedBy) === contractVersion
}

/**
 * A dataplane, as far as the core trusts it, and its life cycle. What it throws says which dataplane and method it was;
 * what never returns fails at a deadline; what it returns is checked; a route that it can't compile is left out alone.
 */
export class SupervisedDataplane<
  Program extends CompiledProgram = CompiledProgram,
  Observed = unknown,
  Handle = unknown,
  Memory = unknown,
> implements Dataplane<Program, Observed>
{
  readonly name: string
  readonly contractVersion = contractVersion
  readonly capabilities: Capabilities
  readonly endpointOrder?: NonNullable<Dataplane<Program, Observed>['endpointOrder']>
  readonly upkeep?: NonNullable<Dataplane<Program, Observed>['upkeep']>
  readonly forgetFlows?: NonNullable<Dataplane<Program, Observed>['forgetFlows']>
  readonly remains?: NonNullable<Dataplane<Program, Observed>['remains']>
  readonly drain?: NonNullable<Dataplane<Program, Observed>['drain']>
  readonly #parts: DataplaneParts<Program, Observed, Handle, Memory>
  readonly #opened: OpenedDataplane<Handle, Memory>
  readonly #stopped: AbortController
  readonly #calls: SupervisedCalls
  readonly #uncompilable: Readonly<Record<IpFamily, UncompilableRoutes<Program>>>
  /** The dataplane's own program, of those that were told to leave out routes. */
  readonly #originals = new WeakMap<CompiledProgram, Program>()
  /** Families of which a look hasn't returned: it isn't asked for again, but holds up nothing else. */
  readonly #looking = new Set<IpFamily>()
  /** Families whose upkeep failed since they were last observed: what it left is to be looked at. */
  readonly #doubtful = new Set<IpFamily>()

  constructor(made: SupervisedParts<Program, Observed, Handle, Memory>, supervision?: SupervisionOptions) {
    this.name = made.name
    this.capabilities = made.capabilities
    this.#parts = made.parts
    this.#stopped = made.stopped
    this.#calls = new SupervisedCalls(made.name, supervision)
    this.#opened = new OpenedDataplane(made.parts, this.#calls)
    this.#uncompilable = {
      IPv4: new UncompilableRoutes(made.name),
      IPv6: new UncompilableRoutes(made.name),
    }
    if (made.parts.compiler.endpointOrder !== undefined) this.endpointOrder = this.#endpointOrder
    if (made.parts.kernel.upkeep !== undefined) this.upkeep = this.#upkeep
    if (made.parts.kernel.forgetFlows !== undefined) this.forgetFlows = this.#forgetFlows
    if (made.parts.kernel.remains !== undefined) this.remains = this.#remains
    if (made.parts.kernel.drain !== undefined) this.drain = this.#drain
  }

  /** No field: a copy of the object by its fields is another dataplane. */
  get [supervisedBy](): number {
    return contractVersion
  }

  async probe(): Promise<ProbeReport> {
    const { kernel } = this.#parts
    const value = await this.#calls.call('probe', undefined, this.#calls.deadlines.start, () =>
      kernel.probe(),
    )
    return this.#calls.valid('probe', undefined, checkProbeReport(value))
  }

  start(): Promise<void> {
    return this.#opened.open()
  }

  observe(family: IpFamily): Promise<Observed> {
    this.#doubtful.delete(family)
    const { kernel } = this.#parts
    return this.#calls.call('observe', family, this.#calls.deadlines.work, () =>
      this.#opened.with(family, (session) => kernel.observe(session)),
    )
  }

  /** Never fails: a failure counts as unsure. */
  async isUnchanged(family: IpFamily): Promise<boolean> {
    const { kernel } = this.#parts
    if (kernel.isUnchanged === undefined || this.#doubtful.has(family) || this.#looking.has(family))
      return false
    const look = async (): Promise<boolean | undefined> => {
      this.#looking.add(family)
      try {
        return await this.#opened.with(family, async (session) => kernel.isUnchanged?.(session))
      } finally {
        this.#looking.delete(family)
      }
    }
    try {
      const value = await this.#calls.call('isUnchanged', family, this.#calls.deadlines.look, look)
      return this.#calls.usable('isUnchanged', family, checkUnchanged(value))
    } catch (error) {
      if (isDataplaneError(error)) this.#calls.tell(error)
      return false
    }
  }

  readonly #endpointOrder = (
    observed: Observed,
    route: ServiceRoute,
    scope: EndpointScope,
  ): readonly string[] | undefined => {
    const { compiler } = this.#parts
    const { family } = route
    const order = () => compiler.endpointOrder?.(observed, route, scope)
    const value = this.#calls.now('endpointOrder', family, order)
    return this.#calls.usable('endpointOrder', family, checkEndpointOrder(value))
  }

  /** Nothing, where the dataplane can't tell: it may leave the method out. */
  observedSets(observed: Observed, table: RoutingTable): ObservedSets {
    const { compiler } = this.#parts
    const { family } = table
    const value = this.#calls.now('observedSets', family, () => compiler.observedSets?.(observed, table))
    return this.#calls.usable('observedSets', family, checkObservedSets(value)) ?? noSets
  }

  compile(change: TableChange): Program {
    const { compiler } = this.#parts
    const { family } = change
    const { memory } = this.#opened.session(family)
    const compile = (seen: TableChange) => compiler.compile(seen, memory)
    return this.#calls.now('compile', family, () =>
      this.#program('compile', family, this.#uncompilable[family].compile(change, compile)),
    )
  }

  reconcile(observed: Observed | undefined, table: RoutingTable): Program {
    const { compiler } = this.#parts
    const { family } = table
    const { memory } = this.#opened.session(family)
    const reconcile = (seen: RoutingTable) => compiler.reconcile(observed, seen, memory)
    return this.#calls.now('reconcile', family, () =>
      this.#program('reconcile', family, this.#uncompilable[family].reconcile(table, reconcile)),
    )
  }

  print(program: Program): string {
    const { compiler } = this.#parts
    const { family } = program
    const value = this.#calls.now('print', family, () => compiler.print(this.#original(program)))
    return this.#calls.valid('print', family, checkText(value))
  }

  async apply(program: Program): Promise<ApplyResult> {
    const { kernel } = this.#parts
    const { family, operations, degraded } = program
    const original = this.#original(program)
    const value = await this.#calls.call('apply', family, this.#calls.deadlines.work, () =>
      this.#opened.with(family, (session) => kernel.apply(original, session)),
    )
    const report = this.#calls.usable('apply', family, checkApplyReport(value))
    const shown = report.degraded ?? []
    return {
      operations,
      bytes: report.bytes,
      degraded: shown.length === 0 ? degraded : [...degraded, ...shown],
    }
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly (string | TraceStep<Observed>)[] {
    const { compiler } = this.#parts
    const { family } = table
    const value = this.#calls.now('trace', family, () => compiler.trace(table, evaluation))
    return this.#calls
      .valid('trace', family, checkTrace<Observed>(value))
      .map((step) =>
        typeof step === 'string' || step.lacks === undefined ? step : this.#supervisedStep(family, step),
      )
  }

  #supervisedStep(family: IpFamily, step: TraceStep<Observed>): TraceStep<Observed> {
    return {
      text: step.text,
      lacks: (observed) => {
        const lines = this.#calls.now('trace', family, () => step.lacks?.(observed))
        return this.#calls.valid('trace', family, checkLines(lines))
      },
    }
  }

  /** Never fails: nothing was asked for that could be tried again. */
  readonly #upkeep = async (family: IpFamily): Promise<void> => {
    const { kernel } = this.#parts
    try {
      await this.#calls.call('upkeep', family, this.#calls.deadlines.work, () =>
        this.#opened.with(family, async (session) => kernel.upkeep?.(session)),
      )
    } catch (error) {
      this.#doubtful.add(family)
      this.#calls.tell(this.#calls.fault('upkeep', family, error))
    }
  }

  readonly #forgetFlows = async (family: IpFamily, flows: UdpFlows): Promise<ForgottenFlows> => {
    const { kernel } = this.#parts
    const value = await this.#calls.call('forgetFlows', family, this.#calls.deadlines.work, () =>
      this.#opened.with(family, async (session) => kernel.forgetFlows?.(flows, session)),
    )
    return this.#calls.usable('forgetFlows', family, checkForgottenFlows(value))
  }

  readonly #remains = async (): Promise<readonly string[]> => {
    const { kernel } = this.#parts
    const value = await this.#calls.call('remains', undefined, this.#calls.deadlines.start, async () =>
      kernel.remains?.(),
    )
    return this.#calls.valid('remains', undefined, checkLines(value))
  }

  readonly #drain = async (): Promise<DrainReport> => {
    const { kernel } = this.#parts
    const value = await this.#calls.call('drain', undefined, this.#calls.deadlines.work, async () =>
      kernel.drain?.(),
    )
    return this.#calls.usable('drain', undefined, checkDrainReport(value))
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#opened.close()
  }

  async cleanup(): Promise<CleanupReport> {
    const { kernel } = this.#parts
    if (this.#opened.isOpening) await this.#opened.close()
    const value = await this.#calls.call('cleanup', undefined, this.#calls.deadlines.work, () =>
      kernel.cleanup(),
    )
    return this.#calls.valid('cleanup', undefined, checkCleanupReport(value))
  }

  /** The program as the core may see it: one that tells of the routes that are left out. */
  #program(method: 'compile' | 'reconcile', family: IpFamily, compiled: PartialProgram<Program>): Program {
    const program = this.#calls.valid(method, family, checkProgram(compiled.program, family, method))
    if (compiled.leftOut.length === 0) return program
    const told = Object.create(program, {
      // Not inherited: a getter of a class with private fields works on its own object alone.
      family: { value: program.family },
      operations: { value: program.operations },
      findings: { get: () => program.findings },
      degraded: { value: [...program.degraded, ...compiled.leftOut] },
    }) as Program
    this.#originals.set(told, program)
    return told
  }

  #original(program: Program): Program {
    return this.#originals.get(program) ?? program
  }
}

const noSets: ObservedSets = { nodePortAddresses: [], serviceCidrs: [] }
