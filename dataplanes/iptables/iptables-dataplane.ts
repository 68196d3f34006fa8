import {
  type ApplyReport,
  type CleanupReport,
  contractVersion,
  type Dataplane,
  type DataplaneOptions,
  type EndpointScope,
  type Evaluation,
  type HeldSets,
  type IpFamily,
  type ProbeReport,
  type ProgramSize,
  type RoutingTable,
  type ServiceRoute,
  type TableChange,
  type TraceStep,
} from '@portolan/core'
import { detectIptablesVariant, Xtables } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { DispatchTree } from './compile/dispatch-tree.ts'
import { operations, print } from './compile/print.ts'
import { type IptablesProgram, settle, type TableMemory } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { endpointOrder } from './explain/held-order.ts'
import { heldSets } from './explain/held-sets.ts'
import { trace } from './explain/trace.ts'
import { apply } from './kernel/apply.ts'
import { cleanup } from './kernel/cleanup.ts'
import { Disturbance } from './kernel/disturbance.ts'
import { observe } from './kernel/observe.ts'
import { openWitness } from './kernel/open-witness.ts'
import { probe } from './kernel/probe.ts'
import { type Held, nothingHeld } from './layout/held.ts'
import { isOurChain, mostClientSets } from './layout/layout.ts'
import type { Setting } from './layout/setting.ts'
import { parseSettings, type Settings } from './layout/settings.ts'

/** What of the machine the dataplane works with. */
export interface System {
  readonly command: SystemCommand
  readonly openWitness: typeof openWitness
  /** Sets that remember clients, in each family. Default: what the kernel has room for. */
  readonly mostClientSets?: number
}

/** See layout.ts and docs/iptables-layout.md for how packets are led. */
export class IptablesDataplane implements Dataplane<IptablesProgram, Held> {
  readonly name = 'iptables'
  readonly contractVersion = contractVersion
  readonly capabilities = capabilities
  readonly #options: DataplaneOptions
  readonly #settings: Settings
  readonly #command: SystemCommand
  readonly #openWitness: System['openWitness']
  readonly #mostClientSets: number
  readonly #memories = new Map<IpFamily, TableMemory>()
  #started: Promise<{ readonly xtables: Xtables; readonly disturbance: Disturbance }> | undefined

  /** @param system this machine's, unless a test has a model of it */
  constructor(
    options: DataplaneOptions,
    system: System = { command: new SystemCommand(options.networkNamespace), openWitness },
  ) {
    this.#options = options
    this.#settings = parseSettings(options.settings)
    this.#command = system.command
    this.#openWitness = system.openWitness
    this.#mostClientSets = system.mostClientSets ?? mostClientSets
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#command, this.#settings.variant)
  }

  async start(): Promise<void> {
    await this.#start()
  }

  async observe(family: IpFamily): Promise<Held> {
    const { xtables, disturbance } = await this.#start()
    return disturbance.reading(family, () => observe(family, this.#command, xtables))
  }

  async isUnchanged(family: IpFamily): Promise<boolean> {
    return (await this.#start()).disturbance.isQuiet(family)
  }

  endpointOrder(held: Held, route: ServiceRoute, over: EndpointScope): readonly string[] | undefined {
    return endpointOrder(held, route, over)
  }

  heldSets(held: Held): HeldSets {
    return heldSets(held)
  }

  nothingHeld(family: IpFamily): Held {
    return nothingHeld(family)
  }

  compile(change: TableChange): IptablesProgram {
    return compile(change, this.#setting(change.table), this.#memory(change.family))
  }

  reconcile(held: Held, table: RoutingTable): IptablesProgram {
    return reconcile(held, table, this.#setting(table))
  }

  print(program: IptablesProgram): string {
    return print(program)
  }

  measure(program: IptablesProgram): ProgramSize {
    return { operations: operations(program), findings: program.findings }
  }

  async apply(program: IptablesProgram): Promise<ApplyReport> {
    const count = operations(program)
    let [bytes, notices] = [0, program.notices]
    if (count > 0) {
      const { xtables, disturbance } = await this.#start()
      const send = () => apply(program, this.#command, xtables)
      const applied = await disturbance.applying(program.family, send)
      bytes = applied.bytes
      notices = [...notices, ...applied.notices]
    }
    this.#memories.set(program.family, settle(program.outcome))
    return { operations: count, bytes, degraded: program.degraded, notices }
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly TraceStep<Held>[] {
    return trace(evaluation, this.#setting(table))
  }

  async stop(): Promise<void> {
    const started = this.#started
    this.#started = undefined
    ;(await started)?.disturbance.close()
  }

  async cleanup(): Promise<CleanupReport> {
    const report = await cleanup(this.#command)
    this.#memories.clear()
    return report
  }

  #setting({ family, podSource }: RoutingTable): Setting {
    const { masqueradeBit } = this.#options
    const { comments } = this.#settings
    return { family, podSource, masqueradeBit, comments, mostClientSets: this.#mostClientSets }
  }

  #memory(family: IpFamily): TableMemory {
    let memory = this.#memories.get(family)
    if (memory === undefined) {
      memory = { tree: new DispatchTree(), clientSets: new Map(), waiting: new Set() }
      this.#memories.set(family, memory)
    }
    return memory
  }

  #start() {
    this.#started ??= this.#open()
    this.#started.catch(() => {
      this.#started = undefined
    })
    return this.#started
  }

  async #open() {
    const { networkNamespace } = this.#options
    const variant = this.#settings.variant ?? (await detectIptablesVariant(this.#command, isOurChain))
    return {
      xtables: new Xtables(this.#command, variant, isOurChain),
      disturbance: new Disturbance(this.#openWitness(variant, networkNamespace)),
    }
  }
}
