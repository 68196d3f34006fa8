import type { IpFamily } from '../network/address.ts'
import type { Evaluation } from '../table/evaluate.ts'
import type { HeldSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { TableChange } from '../table/table-change.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import {
  type Checked,
  checkApplyReport,
  checkCleanupReport,
  checkEndpointOrder,
  checkHeldSets,
  checkLines,
  checkProbeReport,
  checkProgramSize,
  checkText,
  checkTrace,
  checkUnchanged,
} from './check-results.ts'
import {
  ApplyError,
  type ApplyReport,
  type Capabilities,
  type CleanupReport,
  type Dataplane,
  type Degraded,
  type ProbeReport,
  type ProgramSize,
  type TraceStep,
} from './contract.ts'
import { DataplaneError, type DataplaneMethod, thrownMessage } from './dataplane-error.ts'
import { UncompilableRoutes } from './uncompilable-routes.ts'

/** Milliseconds that a method may take until that is an error. */
export interface Deadlines {
  /** `observe`, `apply`, `cleanup`: as long as the largest table on the slowest mechanism is normally written in. */
  readonly work: number
  /** `probe`, `start`. */
  readonly start: number
  /** `isUnchanged`, which is to cost next to nothing and holds up the changes of its family. */
  readonly look: number
  /** `stop`: what is not closed by then, the end of the process closes. */
  readonly stop: number
}

export const standardDeadlines: Deadlines = { work: 300_000, start: 30_000, look: 3000, stop: 5000 }

export interface SupervisionOptions {
  readonly deadlines?: Deadlines
  readonly clock?: Clock
  /** Told of each breach of the contract that doesn't fail a call, once for each message. */
  readonly onFault?: (fault: DataplaneError) => void
}

/**
 * A dataplane, as far as the core trusts it. What it throws says which dataplane and method it was; what never returns
 * fails at a deadline; what it returns is checked; a route that it can't compile is left out alone.
 *
 * A call for a family that has missed its deadline may still write to the kernel. Until it has returned, no other call
 * for that family is made: each fails at its own deadline, so whoever retries gets through as soon as there is a way.
 */
export class SupervisedDataplane implements Dataplane<unknown, unknown> {
  readonly name: string
  readonly contractVersion: number
  readonly capabilities: Capabilities
  readonly #dataplane: Dataplane<unknown, unknown>
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  readonly #onFault: (fault: DataplaneError) => void
  readonly #told = new Set<string>()
  readonly #uncompilable: Readonly<Record<IpFamily, UncompilableRoutes>>
  /** The call that missed its deadline and hasn't returned, by family. */
  readonly #overdue = new Map<IpFamily, OverdueCall>()
  /** Families of which a look hasn't returned: it isn't asked for again, but holds up nothing else. */
  readonly #looking = new Set<IpFamily>()

  constructor(dataplane: Dataplane<unknown, unknown>, options: SupervisionOptions = {}) {
    this.#dataplane = dataplane
    this.name = dataplane.name
    this.contractVersion = dataplane.contractVersion
    this.capabilities = dataplane.capabilities
    this.#uncompilable = {
      IPv4: new UncompilableRoutes(dataplane.name),
      IPv6: new UncompilableRoutes(dataplane.name),
    }
    this.#deadlines = options.deadlines ?? standardDeadlines
    this.#clock = options.clock ?? systemClock
    this.#onFault = options.onFault ?? (() => {})
  }

  async probe(): Promise<ProbeReport> {
    const value = await this.#call('probe', undefined, this.#deadlines.start, () => this.#dataplane.probe())
    return this.#valid('probe', undefined, checkProbeReport(value))
  }

  async start(): Promise<void> {
    await this.#call('start', undefined, this.#deadlines.start, () => this.#dataplane.start())
  }

  observe(family: IpFamily): Promise<unknown> {
    return this.#call('observe', family, this.#deadlines.work, () => this.#dataplane.observe(family))
  }

  /** Never fails: whoever can't say that nothing has changed is unsure. */
  async isUnchanged(family: IpFamily): Promise<boolean> {
    if (this.#looking.has(family)) return false
    const look = async (): Promise<boolean> => {
      this.#looking.add(family)
      try {
        return await this.#dataplane.isUnchanged(family)
      } finally {
        this.#looking.delete(family)
      }
    }
    try {
      const value = await this.#call('isUnchanged', family, this.#deadlines.look, look)
      return this.#usable('isUnchanged', family, checkUnchanged(value))
    } catch (error) {
      if (error instanceof DataplaneError) this.#tell(error)
      return false
    }
  }

  endpointOrder(held: unknown, route: ServiceRoute, over: EndpointScope): readonly string[] | undefined {
    const { family } = route
    const value = this.#now('endpointOrder', family, () => this.#dataplane.endpointOrder(held, route, over))
    return this.#usable('endpointOrder', family, checkEndpointOrder(value))
  }

  /** Nothing, where the dataplane can't tell: it may leave the method out. */
  heldSets(held: unknown, table: RoutingTable): HeldSets {
    const { family } = table
    const value = this.#now('heldSets', family, () => this.#dataplane.heldSets?.(held, table))
    return this.#usable('heldSets', family, checkHeldSets(value)) ?? noSets
  }

  nothingHeld(family: IpFamily): unknown {
    return this.#now('nothingHeld', family, () => this.#dataplane.nothingHeld(family))
  }

  compile(change: TableChange): unknown {
    const { family } = change
    return this.#now('compile', family, () => {
      const compiled = this.#uncompilable[family].compile(change, (seen) => this.#dataplane.compile(seen))
      return { family, ...compiled } satisfies Supervised
    })
  }

  reconcile(held: unknown, table: RoutingTable): unknown {
    const { family } = table
    const reconcile = (seen: RoutingTable) => this.#dataplane.reconcile(held, seen)
    return this.#now('reconcile', family, () => {
      return { family, ...this.#uncompilable[family].reconcile(table, reconcile) } satisfies Supervised
    })
  }

  print(program: unknown): string {
    const { family, program: theirs } = program as Supervised
    const value = this.#now('print', family, () => this.#dataplane.print(theirs))
    return this.#valid('print', family, checkText(value))
  }

  measure(program: unknown): ProgramSize {
    const { family, program: theirs } = program as Supervised
    const value = this.#now('measure', family, () => this.#dataplane.measure(theirs))
    return this.#valid('measure', family, checkProgramSize(value))
  }

  async apply(program: unknown): Promise<ApplyReport> {
    const { family, program: theirs, leftOut } = program as Supervised
    const value = await this.#call('apply', family, this.#deadlines.work, () => this.#dataplane.apply(theirs))
    const report = this.#usable('apply', family, checkApplyReport(value))
    return leftOut.length === 0 ? report : { ...report, degraded: [...report.degraded, ...leftOut] }
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly (string | TraceStep<unknown>)[] {
    const { family } = table
    const value = this.#now('trace', family, () => this.#dataplane.trace(table, evaluation))
    return this.#valid('trace', family, checkTrace(value)).map((step) =>
      typeof step === 'string' || step.lacks === undefined ? step : this.#supervisedStep(family, step),
    )
  }

  #supervisedStep(family: IpFamily, step: TraceStep<unknown>): TraceStep<unknown> {
    return {
      text: step.text,
      lacks: (held) => {
        const lines = this.#now('trace', family, () => step.lacks?.(held))
        return this.#valid('trace', family, checkLines(lines))
      },
    }
  }

  async stop(): Promise<void> {
    await this.#call('stop', undefined, this.#deadlines.stop, () => this.#dataplane.stop())
  }

  async cleanup(): Promise<CleanupReport> {
    const value = await this.#call('cleanup', undefined, this.#deadlines.work, () =>
      this.#dataplane.cleanup(),
    )
    return this.#valid('cleanup', undefined, checkCleanupReport(value))
  }

  /** A method that returns at once. */
  #now<Result>(method: DataplaneMethod, family: IpFamily | undefined, call: () => Result): Result {
    try {
      return call()
    } catch (error) {
      throw this.#failure(method, family, error)
    }
  }

  /** A method that is awaited, until its deadline. */
  async #call<Result>(
    method: DataplaneMethod,
    family: IpFamily | undefined,
    deadline: number,
    call: () => Promise<Result>,
  ): Promise<Result> {
    const overdue = family === undefined ? undefined : this.#overdue.get(family)
    if (family !== undefined && overdue !== undefined) await this.#awaitOverdue(family, overdue, deadline)
    const begun = this.#clock.now()
    let running: Promise<Result>
    try {
      running = Promise.resolve(call())
    } catch (error) {
      throw this.#failure(method, family, error)
    }
    try {
      return await this.#within(deadline, running)
    } catch (error) {
      if (error !== missed) throw this.#failure(method, family, error)
      const late = { method, begun, running }
      // A look may go on beside anything else: it changes nothing.
      if (family !== undefined && method !== 'isUnchanged') this.#remember(family, late)
      else running.catch(() => {})
      throw this.#hangs(family, late)
    }
  }

  #remember(family: IpFamily, call: OverdueCall): void {
    this.#overdue.set(family, call)
    const forget = (): void => void this.#overdue.delete(family)
    call.running.then(forget, forget)
  }

  async #awaitOverdue(family: IpFamily, call: OverdueCall, deadline: number): Promise<void> {
    try {
      await this.#within(deadline, call.running)
    } catch (error) {
      // However it failed: what it left in the kernel is for the caller to look at.
      if (error === missed) throw this.#hangs(family, call)
    }
  }

  /** @throws {@link missed} when the deadline passes first. */
  #within<Result>(deadline: number, running: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(deadline, () => reject(missed))
      running.then(resolve, reject).finally(cancel)
    })
  }

  #hangs(family: IpFamily | undefined, { method, begun }: OverdueCall): DataplaneError {
    const seconds = Math.round((this.#clock.now() - begun) / 1000)
    const waiting =
      family === undefined || method === 'isUnchanged'
        ? ''
        : `; nothing of ${family} is applied until it does`
    return new DataplaneError(
      'DATAPLANE_METHOD_HANGS',
      { dataplane: this.name, method, ...(family === undefined ? {} : { family }) },
      `has not returned for ${seconds} s${waiting}`,
      {
        mend: 'restart Portolan, which leaves the rules in place, and report it to the author of the dataplane',
      },
    )
  }

  /** A refused program is the dataplane's own word, and says all there is to say. */
  #failure(method: DataplaneMethod, family: IpFamily | undefined, error: unknown): unknown {
    if (error instanceof ApplyError || error instanceof DataplaneError) return error
    const at = { dataplane: this.name, method, ...(family === undefined ? {} : { family }) }
    return new DataplaneError('DATAPLANE_METHOD_FAILED', at, `failed: ${thrownMessage(error)}`, {
      cause: error,
      ...mendOf(error),
    })
  }

  /** For a result without which nothing can go on. */
  #valid<Result>(method: DataplaneMethod, family: IpFamily | undefined, checked: Checked<Result>): Result {
    if (checked.wrong === undefined) return checked.result
    throw this.#invalid(method, family, checked.wrong)
  }

  /** For a result that can be done without. */
  #usable<Result>(method: DataplaneMethod, family: IpFamily | undefined, checked: Checked<Result>): Result {
    if (checked.wrong !== undefined) this.#tell(this.#invalid(method, family, checked.wrong))
    return checked.result
  }

  #invalid(method: DataplaneMethod, family: IpFamily | undefined, wrong: string): DataplaneError {
    const at = { dataplane: this.name, method, ...(family === undefined ? {} : { family }) }
    return new DataplaneError('DATAPLANE_RESULT_INVALID', at, wrong)
  }

  #tell(fault: DataplaneError): void {
    if (this.#told.has(fault.message) || this.#told.size >= maxTold) return
    this.#told.add(fault.message)
    this.#onFault(fault)
  }
}

/** A program with what the supervisor has to know of it. */
interface Supervised {
  readonly family: IpFamily
  readonly program: unknown
  readonly leftOut: readonly Degraded[]
}

interface OverdueCall {
  readonly method: DataplaneMethod
  readonly begun: number
  readonly running: Promise<unknown>
}

const noSets: HeldSets = { nodePortAddresses: [], serviceCidrs: [] }

const missed = Symbol('the deadline was missed')

/** Faults are told once for each message; a dataplane that never repeats one must not fill the memory. */
const maxTold = 100

/** What the error itself says to do is better than the general advice. */
function mendOf(error: unknown): { readonly mend?: string } {
  const mend = (error as { readonly mend?: unknown } | null | undefined)?.mend
  return typeof mend === 'string' ? { mend } : {}
}
