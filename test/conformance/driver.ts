import type { CompiledProgram, Dataplane, IpFamily, TableChange } from '@portolan/core'
import { adoptObserved, FlowCleanup, realTiming } from '@portolan/core/engine'
import { AppliedTable, isEmptyChange } from '@portolan/core/table'
import { BrokenContract } from './checked-dataplane.ts'
import type { Cluster } from './cluster.ts'

/** How far a kernel is from its table. */
export interface Drift {
  readonly family: IpFamily
  readonly operations: number
  /** What the dataplane would do about it, in its own language. */
  readonly repair: string
}

/** Milliseconds, as the engine has it. */
const upkeepPeriod = 5000

/**
 * Puts a dataplane through its contract in the order that the core's engine keeps: observe and reconcile once, then
 * compile and apply each change; after a failure observe and reconcile again.
 */
export class Driver {
  readonly #dataplane: Dataplane
  readonly #cluster: Cluster
  readonly #applied = new Map<IpFamily, AppliedTable>()
  readonly #degraded = new Map<IpFamily, Set<string>>()
  readonly #flowCleanups = new Map<IpFamily, FlowCleanup>()
  /** Families whose kernel state is not known for sure. */
  readonly #doubtful = new Set<IpFamily>()
  /** Told of each change that was applied. */
  onApplied: ((change: TableChange) => void) | undefined
  #upkeep: NodeJS.Timeout | undefined
  /** Calls for one family never overlap, however many ask for them at the same time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(dataplane: Dataplane, cluster: Cluster) {
    this.#dataplane = dataplane
    this.#cluster = cluster
    for (const family of cluster.families) {
      this.#applied.set(family, new AppliedTable(cluster.table(family)))
      const live = cluster.builder(family)
      this.#flowCleanups.set(
        family,
        new FlowCleanup({
          family,
          live,
          dataplane,
          timing: realTiming,
          onForgotten: () => {},
          // Rows about flows that stay where they are say the rest.
          onFailed: ({ error }) => process.emitWarning(`flows of UDP were not forgotten: ${error}`),
        }),
      )
    }
  }

  /**
   * Starts the dataplane and brings the kernel to the tables.
   *
   * @throws BrokenContract when that has no effect: no row can then mean anything
   */
  async start(): Promise<void> {
    await this.adopt()
    await this.reconcile()
    const [drift] = await this.drift()
    if (drift !== undefined)
      throw new BrokenContract(
        `apply resolved, but observe and reconcile still differ: ${describeDrift(drift)}; either apply does nothing, or what observe reads is not what apply wrote`,
      )
  }

  /** Starts the dataplane and takes over the order in which the kernel holds endpoints; changes nothing there. */
  async adopt(): Promise<void> {
    await this.#dataplane.start()
    if (this.#dataplane.upkeep !== undefined)
      this.#upkeep = setInterval(() => void this.#keepUp().catch(() => {}), upkeepPeriod).unref()
    await this.#inTurn(this.#cluster.families, async (family) => {
      const observed = await this.#dataplane.observe(family)
      const builder = this.#cluster.builder(family)
      adoptObserved(this.#dataplane, observed, builder, () => builder.drain())
    })
  }

  /** Brings the kernel to the tables, whatever it holds. @throws ApplyError */
  reconcile(families = this.#cluster.families): Promise<void> {
    return this.#inTurn(families, (family) => this.#reconcile(family))
  }

  /**
   * Compiles and applies what changed in the cluster; reconciles where the last call failed.
   *
   * @throws ApplyError
   */
  sync(families = this.#cluster.families): Promise<void> {
    return this.#inTurn(families, async (family) => {
      if (this.#doubtful.has(family)) return await this.#reconcile(family)
      const touched = this.#cluster.builder(family).drain()
      this.#flowCleanups.get(family)?.suspect(touched.flows)
      const change = this.#appliedOf(family).difference(this.#cluster.table(family), touched)
      if (isEmptyChange(change)) return this.#flowCleanups.get(family)?.applied()
      this.#doubtful.add(family)
      await this.#apply(family, this.#dataplane.compile(change))
      this.#doubtful.delete(family)
      this.#appliedOf(family).advance(change)
      this.onApplied?.(change)
      this.#flowCleanups.get(family)?.applied()
    })
  }

  /** Keys of the routes that the dataplane has ever named as not programmed as asked. */
  degraded(family: IpFamily): ReadonlySet<string> {
    return this.#degraded.get(family) ?? new Set()
  }

  /** Compares what the kernel holds with the tables; changes nothing. */
  async drift(families = this.#cluster.families): Promise<readonly Drift[]> {
    const drifts: Drift[] = []
    await this.#inTurn(families, async (family) => {
      const observed = await this.#dataplane.observe(family)
      const program = this.#dataplane.reconcile(observed, this.#cluster.table(family))
      drifts.push({ family, operations: program.operations, repair: this.#dataplane.print(program) })
    })
    return drifts.filter(({ operations }) => operations > 0)
  }

  /** As a process that exits: what was applied stays. */
  async stop(): Promise<void> {
    clearInterval(this.#upkeep)
    await Promise.all([...this.#flowCleanups.values()].map((one) => one.stop()))
    await this.#dataplane.stop()
  }

  /** Families at the same time, calls one after the other; one that fails doesn't stop those after it. */
  #inTurn(families: readonly IpFamily[], act: (family: IpFamily) => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      const settled = await Promise.allSettled(families.map(act))
      for (const one of settled) if (one.status === 'rejected') throw one.reason
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  #keepUp(): Promise<void> {
    return this.#inTurn(this.#cluster.families, async (family) => this.#dataplane.upkeep?.(family))
  }

  async #reconcile(family: IpFamily): Promise<void> {
    this.#doubtful.add(family)
    const observed = await this.#dataplane.observe(family)
    this.#flowCleanups.get(family)?.suspect(this.#cluster.builder(family).drain().flows)
    const table = this.#cluster.table(family)
    const change = this.#appliedOf(family).fullDifference(table)
    await this.#apply(family, this.#dataplane.reconcile(observed, table))
    this.#doubtful.delete(family)
    this.#appliedOf(family).advance(change)
    this.onApplied?.(change)
    this.#flowCleanups.get(family)?.applied()
  }

  async #apply(family: IpFamily, program: CompiledProgram): Promise<void> {
    const report = await this.#dataplane.apply(program)
    const known = this.#degraded.get(family) ?? new Set()
    for (const { route } of report.degraded) known.add(route)
    this.#degraded.set(family, known)
  }

  #appliedOf(family: IpFamily): AppliedTable {
    const applied = this.#applied.get(family)
    if (applied === undefined) throw new Error(`no table for ${family}`)
    return applied
  }
}

/**
 * What a dataplane that says nothing of the order of endpoints has most likely got wrong, where a restart finds something to
 * do though nothing has changed.
 */
export function orderTrap({ endpointOrder }: Dataplane): string {
  if (endpointOrder !== undefined) return ''
  return (
    '; a new process lists endpoints in another order than the one before it, and this dataplane has no endpointOrder: if ' +
    'any name, slot or rule in the kernel depends on their order, read it back by endpointOrder, or sort them'
  )
}

/** What a drift says, short enough for one line of the matrix. */
export function describeDrift({ family, operations, repair }: Drift): string {
  const lines = repair.split('\n').filter((line) => line.trim() !== '')
  return `${family}: the kernel differs from the table by ${operations} operations: ${lines.slice(0, 5).join('; ')}`
}
