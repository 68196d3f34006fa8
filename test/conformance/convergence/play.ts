import { type Dataplane, type IpFamily, localhostFamiliesOf, type RoutingTable } from '@portolan/core'
import { AppliedTable, isEmptyChange } from '@portolan/core/table'
import { LiveCluster } from './live-cluster.ts'
import type { Fault, Sequence, Step } from './sequence.ts'

/** A dataplane over a kernel, or over a model of one, that can be told to fail. */
export interface Subject {
  /** A process that starts: a dataplane that knows nothing yet, over the same kernel. */
  open(): Dataplane
  /** Breaks the next calls; `undefined`: they succeed again. */
  break(fault: Fault | undefined): void
  /** Lets time pass. */
  wait?(dataplane: Dataplane): Promise<void>
  /**
   * What the kernel makes of packets, so that two kernels in which all packets go alike give the same: numbers that the
   * dataplane is free to choose are replaced, and what leads nowhere is left out. Without it, or without `fresh`, the end
   * is not compared with a fresh start.
   */
  meaning?(observed: unknown, table: RoutingTable): unknown
  /** The families in which NodePorts may answer at loopback. Default: what the dataplane says of itself. */
  readonly localhostFamilies?: readonly IpFamily[]
  /** The same dataplane over a kernel that holds nothing. */
  fresh?(): Subject
  close?(): Promise<void>
}

/**
 * Plays a sequence as the core's engine would: observe and reconcile once, then compile and apply each change; after a
 * failure observe and reconcile. Whenever something was applied, the kernel has to hold what a reconciliation would
 * write, and at the end what a dataplane that starts on an empty kernel writes.
 *
 * @param atEnd what else is to be as the tables say, while the dataplane still runs
 * @returns what was wrong; `undefined`: nothing
 */
export async function play(
  subject: Subject,
  { node, steps }: Sequence,
  atEnd: (table: (family: IpFamily) => RoutingTable) => Promise<string | undefined> = async () => undefined,
): Promise<string | undefined> {
  const player = new Player(subject, node)
  try {
    for (const [index, step] of steps.entries()) {
      const wrong = await player.step(step)
      if (wrong !== undefined) return `step ${index + 1}, ${step.do}: ${wrong}`
    }
    const wrong =
      (await player.step({ do: 'sync', families: node.families })) ??
      (await player.compareFresh()) ??
      (await atEnd((family) => player.table(family)))
    return wrong === undefined ? undefined : `at the end: ${wrong}`
  } finally {
    await player.close()
  }
}

class Player {
  readonly #subject: Subject
  readonly #node: Sequence['node']
  readonly #cluster: LiveCluster
  readonly #applied = new Map<IpFamily, AppliedTable>()
  /** Families whose kernel state is in doubt, and why. */
  readonly #doubts = new Map<IpFamily, 'start' | 'retry'>()
  #dataplane: Dataplane

  constructor(subject: Subject, node: Sequence['node']) {
    this.#subject = subject
    this.#node = node
    this.#dataplane = subject.open()
    const { localhostFamilies = localhostFamiliesOf(this.#dataplane.capabilities) } = subject
    this.#cluster = new LiveCluster(node, localhostFamilies)
    this.#start()
  }

  async step(step: Step): Promise<string | undefined> {
    switch (step.do) {
      case 'set':
      case 'remove':
      case 'local-addresses':
        this.#cluster.change(step)
        return undefined
      case 'sync':
        return await this.#sync(
          step.families.filter((family) => this.#node.families.includes(family)),
          step.fault,
        )
      case 'restart':
        await this.#dataplane.stop()
        this.#dataplane = this.#subject.open()
        this.#cluster.relist()
        this.#start()
        return await this.#sync(this.#node.families, step.fault)
      case 'audit':
        return await this.#each(this.#certain(), async (family) => {
          const wrong = await this.#differs(family)
          if (wrong === undefined) await this.#reconcile(family)
          return wrong
        })
      case 'wait':
        await this.#subject.wait?.(this.#dataplane)
        return await this.#each(this.#certain(), (family) => this.#differs(family))
    }
  }

  /** Compares with what a new process makes of the same tables on an empty kernel. */
  async compareFresh(): Promise<string | undefined> {
    const subject = this.#subject.fresh?.()
    const meaning = this.#subject.meaning
    if (subject === undefined || meaning === undefined) return undefined
    const dataplane = subject.open()
    await dataplane.start()
    try {
      return await this.#each(this.#node.families, async (family) => {
        const table = this.#cluster.table(family)
        await dataplane.apply(dataplane.reconcile(await dataplane.observe(family), table))
        const lived = meaning(await this.#dataplane.observe(family), table)
        const fresh = (subject.meaning ?? meaning)(await dataplane.observe(family), table)
        const [one, other] = [JSON.stringify(lived), JSON.stringify(fresh)]
        if (one === other) return undefined
        return `${family}: the kernel differs from a fresh one: ${firstDifference(one, other)}`
      })
    } finally {
      await dataplane.stop()
      await subject.close?.()
    }
  }

  table(family: IpFamily): RoutingTable {
    return this.#cluster.table(family)
  }

  async close(): Promise<void> {
    this.#subject.break(undefined)
    await this.#dataplane.stop()
  }

  #start(): void {
    for (const family of this.#node.families) {
      this.#applied.set(family, new AppliedTable(this.#cluster.table(family)))
      this.#doubts.set(family, 'start')
    }
  }

  #certain(): readonly IpFamily[] {
    return this.#node.families.filter((family) => !this.#doubts.has(family))
  }

  async #sync(families: readonly IpFamily[], fault: Fault | undefined): Promise<string | undefined> {
    return await this.#each(families, async (family) => {
      const why = this.#doubts.get(family)
      this.#doubts.set(family, 'retry')
      try {
        if (why === undefined) await this.#applyChange(family, fault)
        else await this.#reconcile(family, why, fault)
      } catch (error) {
        if (why === 'start') this.#doubts.set(family, 'start')
        // A fault is the kernel's; without one nothing may be refused.
        if (fault !== undefined) return undefined
        return `${family}: not applied: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
      } finally {
        this.#subject.break(undefined)
      }
      this.#doubts.delete(family)
      return await this.#differs(family)
    })
  }

  async #applyChange(family: IpFamily, fault: Fault | undefined): Promise<void> {
    const applied = this.#appliedTo(family)
    const touched = this.#cluster.builder(family).drain()
    const change = applied.difference(this.#cluster.table(family), touched)
    if (isEmptyChange(change)) return
    const program = this.#dataplane.compile(change)
    this.#subject.break(fault)
    await this.#dataplane.apply(program)
    applied.advance(change)
  }

  async #reconcile(family: IpFamily, why?: 'start' | 'retry', fault?: Fault): Promise<void> {
    await this.#dataplane.start()
    const observed = await this.#dataplane.observe(family)
    const builder = this.#cluster.builder(family)
    builder.drain()
    const order = this.#dataplane.endpointOrder?.bind(this.#dataplane)
    if (why === 'start' && order !== undefined)
      builder.adoptOrder((route, scope) => order(observed, route, scope))
    const applied = this.#appliedTo(family)
    const change = applied.fullDifference(builder.table)
    const program = this.#dataplane.reconcile(observed, builder.table)
    this.#subject.break(fault)
    await this.#dataplane.apply(program)
    applied.advance(change)
  }

  /** What a reconciliation would write; `undefined`: nothing. */
  async #differs(family: IpFamily): Promise<string | undefined> {
    const observed = await this.#dataplane.observe(family)
    const program = this.#dataplane.reconcile(observed, this.#cluster.table(family))
    const { operations, findings } = program
    if (operations === 0) return undefined
    const lines = this.#dataplane.print(program).split('\n').slice(0, 12)
    return `${family}: the kernel differs from the table: ${findings.slice(0, 4).join('; ')}\n${lines.join('\n')}`
  }

  #appliedTo(family: IpFamily): AppliedTable {
    const applied = this.#applied.get(family)
    if (applied === undefined) throw new Error(`this node has no ${family}`)
    return applied
  }

  /** The first thing that is wrong in a family. */
  async #each(
    families: readonly IpFamily[],
    act: (family: IpFamily) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    for (const family of families) {
      const wrong = await act(family)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
}

function firstDifference(lived: string, fresh: string): string {
  let at = 0
  while (lived[at] === fresh[at] && at < lived.length) at++
  const around = (text: string) => text.slice(Math.max(0, at - 80), at + 120)
  return `has …${around(lived)}… instead of …${around(fresh)}…`
}
