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
import { SystemCommandError } from '@portolan/native/system-command'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { endpointOrder } from './compile/endpoint-order.ts'
import { print } from './compile/print.ts'
import { type NftProgram, operations, settle, type TableMemory } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { heldSets } from './explain/held-sets.ts'
import { trace } from './explain/trace.ts'
import { Disturbance } from './kernel/disturbance.ts'
import { ForeignElementError } from './kernel/foreign-element-error.ts'
import { NftCommand } from './kernel/nft-command.ts'
import { listOurTables } from './kernel/our-tables.ts'
import { probe } from './kernel/probe.ts'
import type { Transport } from './kernel/transport.ts'
import { AffinityNumbers } from './layout/affinity-numbers.ts'
import { isOurLayout } from './layout/base-chains.ts'
import type { Setting } from './layout/chain.ts'
import { type Held, nothingHeld } from './layout/held.ts'
import { findSet } from './layout/sets.ts'
import { parseSettings, type Settings } from './layout/settings.ts'
import { nftFamily, tableName } from './layout/table.ts'

/**
 * A change may be refused because somebody has changed the table meanwhile, and a repair because it happens again. More
 * says that the table has something that doesn't show when it is read back, and it is replaced.
 */
const toleratedRefusals = 2

/** See layout/table.ts for how packets are led, and kernel/transport.ts for how programs reach the kernel. */
export class NftablesDataplane implements Dataplane<NftProgram, Held> {
  readonly name = 'nftables'
  readonly contractVersion = contractVersion
  readonly capabilities = capabilities
  readonly #options: DataplaneOptions
  readonly #settings: Settings
  readonly #openTransport: OpenTransport
  readonly #nft: NftCommand
  readonly #memories = new Map<IpFamily, TableMemory>()
  readonly #disturbance = new Disturbance(() => this.#transport?.readGeneration())
  /** Programs that the kernel refused in a row, by family. */
  readonly #refusals = new Map<IpFamily, number>()
  #transport: Transport | undefined

  /**
   * @param openTransport the real kernel's, unless a test has a model of it
   * @throws RangeError for an option that is unknown or has another value than it may
   */
  constructor(options: DataplaneOptions, openTransport: OpenTransport = openKernel) {
    this.#options = options
    this.#nft = new NftCommand(options.networkNamespace)
    this.#settings = parseSettings(options.settings)
    this.#openTransport = openTransport
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#nft)
  }

  async start(): Promise<void> {
    await this.#started()
  }

  async observe(family: IpFamily): Promise<Held> {
    const transport = await this.#started()
    return this.#disturbance.reading(family, () => this.#read(transport, family))
  }

  async isUnchanged(family: IpFamily): Promise<boolean> {
    await this.#started()
    return this.#disturbance.isQuiet(family)
  }

  async #read(transport: Transport, family: IpFamily): Promise<Held> {
    const structure = await transport.readStructure(family)
    const held = { ...structure, family, elements: new Map() }
    if (!held.exists) return held
    const flaw = this.#structureFlaw(held) ?? held.flaw
    if (flaw !== undefined) return { ...held, flaw }
    const ours = [...held.sets].map(findSet).filter((set) => set !== undefined)
    const written = ours.filter(({ kind }) => kind !== 'timeout')
    try {
      return { ...held, elements: await transport.readElements(family, written) }
    } catch (error) {
      if (error instanceof ForeignElementError) return { ...held, flaw: error.message }
      throw error
    }
  }

  /** The marker is looked at before any element is: those of another layout can't be read. */
  #structureFlaw({ family, chains }: Held): string | undefined {
    if (!isOurLayout(chains.keys())) return 'the table is of another version, or not of Portolan'
    if ((this.#refusals.get(family) ?? 0) < toleratedRefusals) return undefined
    return 'the kernel refuses to change the table, so it is not what it looks like'
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

  compile(change: TableChange): NftProgram {
    return compile(change, this.#setting(change.table), this.#memory(change.family))
  }

  reconcile(held: Held, table: RoutingTable): NftProgram {
    return reconcile(held, table, this.#setting(table))
  }

  print(program: NftProgram): string {
    return print(program)
  }

  measure(program: NftProgram): ProgramSize {
    return { operations: operations(program), findings: program.findings }
  }

  async apply(program: NftProgram): Promise<ApplyReport> {
    const { degraded, family, findings, replace } = program
    const count = operations(program)
    let bytes = 0
    if (count > 0) {
      const transport = await this.#started()
      try {
        bytes = (await this.#disturbance.committing(() => transport.apply(program))).bytes
      } catch (error) {
        this.#refusals.set(family, replace ? 0 : (this.#refusals.get(family) ?? 0) + 1)
        throw error
      }
    }
    this.#refusals.delete(family)
    this.#memories.set(family, settle(program.outcome))
    const name = `${nftFamily(family)} ${tableName}`
    const notices = replace ? [`replaced the nftables table ${name} whole: ${findings.join('; ')}`] : []
    return { operations: count, bytes, degraded, ...(notices.length > 0 ? { notices } : {}) }
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly TraceStep<Held>[] {
    return trace(evaluation, this.#setting(table))
  }

  async stop(): Promise<void> {
    this.#transport?.close()
    this.#transport = undefined
  }

  async cleanup(): Promise<CleanupReport> {
    const removed: string[] = []
    const failures: string[] = []
    try {
      for (const { family, name } of await listOurTables(this.#nft)) {
        this.#memories.delete(family)
        try {
          await this.#nft.run(`delete table ${name}\n`)
          removed.push(`table ${name}`)
        } catch (error) {
          failures.push(`delete table ${name}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    } catch (error) {
      const absent = missingMechanism(error)
      if (absent === undefined) throw error
      return { removed, absent }
    }
    if (failures.length > 0) throw new Error(failures.join('; '))
    return { removed }
  }

  #setting(table: RoutingTable): Setting {
    return { family: table.family, podSource: table.podSource, masqueradeBit: this.#options.masqueradeBit }
  }

  #memory(family: IpFamily): TableMemory {
    let memory = this.#memories.get(family)
    if (memory === undefined) {
      memory = { declared: new Set(), numbers: new AffinityNumbers() }
      this.#memories.set(family, memory)
    }
    return memory
  }

  async #started(): Promise<Transport> {
    this.#transport ??= await this.#openTransport(this.#settings, this.#nft, this.#options.networkNamespace)
    return this.#transport
  }
}

/** Why nft can't even list: there is no such program, or nothing of the kind in the kernel. */
function missingMechanism(error: unknown): string | undefined {
  if (!(error instanceof SystemCommandError)) return undefined
  if (error.code === 'COMMAND_NOT_FOUND') return 'nft is not installed'
  return /(protocol|operation) not supported/i.test(error.output) ? 'the kernel has no nf_tables' : undefined
}

type OpenTransport = (
  settings: Settings,
  nft: NftCommand,
  networkNamespace: string | undefined,
) => Promise<Transport>

/** The native library is loaded only here, so that `explain` and `plan` from a file need neither it nor root. */
const openKernel: OpenTransport = async ({ transport }, nft, networkNamespace) => {
  if (transport === 'nft') {
    const { NftTransport } = await import('./kernel/nft-transport.ts')
    return new NftTransport(nft)
  }
  const { NetlinkTransport } = await import('./kernel/netlink-transport.ts')
  return new NetlinkTransport(nft, networkNamespace)
}
