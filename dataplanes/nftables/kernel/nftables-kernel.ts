import type {
  ApplyReport,
  CleanupReport,
  DataplaneContext,
  IpFamily,
  Kernel,
  ProbeReport,
  Session,
} from '@portolan/core'
import { SystemCommandError } from '@portolan/native/system-command'
import { type NftProgram, settle, type TableMemory } from '../compile/program.ts'
import { isOurLayout } from '../layout/base-chains.ts'
import type { ObservedState } from '../layout/held.ts'
import { findSet } from '../layout/sets.ts'
import type { Settings } from '../layout/settings.ts'
import { nftFamily, tableName } from '../layout/table.ts'
import { Disturbance } from './disturbance.ts'
import { ForeignElementError } from './foreign-element-error.ts'
import { NftCommand } from './nft-command.ts'
import type { OpenTransport } from './open-transport.ts'
import { listOurTables } from './our-tables.ts'
import { probe } from './probe.ts'
import type { Transport } from './transport.ts'

/**
 * A change may be refused because somebody has changed the table meanwhile, and a repair because it happens again. More
 * says that the table has something that doesn't show when it is read back, and it is replaced.
 */
const toleratedRefusals = 2

export interface Opened {
  readonly transport: Transport
  readonly disturbance: Disturbance
}

type NftSession = Session<Opened, TableMemory>

interface KernelOptions extends Pick<DataplaneContext<Settings>, 'networkNamespace' | 'settings' | 'notify'> {
  readonly openTransport: OpenTransport
}

/** The tables of one network namespace. */
export class NftablesKernel implements Kernel<NftProgram, ObservedState, Opened, TableMemory> {
  readonly #options: KernelOptions
  readonly #nft: NftCommand
  /** Programs that the kernel refused in a row, by family. */
  readonly #refusals = new Map<IpFamily, number>()

  constructor(options: KernelOptions) {
    this.#options = options
    this.#nft = new NftCommand(options.networkNamespace)
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#nft)
  }

  async open(): Promise<Opened> {
    const { settings, networkNamespace, openTransport } = this.#options
    const transport = await openTransport(settings, this.#nft, networkNamespace)
    return { transport, disturbance: new Disturbance(() => transport.readGeneration()) }
  }

  close({ transport }: Opened): void {
    transport.close()
  }

  observe({ family, handle }: NftSession): Promise<ObservedState> {
    const { transport, disturbance } = handle
    return disturbance.reading(family, () => this.#read(transport, family))
  }

  isUnchanged({ family, handle }: NftSession): Promise<boolean> {
    return handle.disturbance.isQuiet(family)
  }

  async apply(program: NftProgram, session: NftSession): Promise<ApplyReport> {
    const { family, findings, operations, replace } = program
    const { transport, disturbance } = session.handle
    let bytes = 0
    if (operations > 0) {
      try {
        bytes = (await disturbance.committing(() => transport.apply(program))).bytes
      } catch (error) {
        this.#refusals.set(family, replace ? 0 : (this.#refusals.get(family) ?? 0) + 1)
        throw error
      }
    }
    this.#refusals.delete(family)
    session.memory = settle(program.outcome)
    if (replace) {
      const name = `${nftFamily(family)} ${tableName}`
      this.#options.notify(`replaced the nftables table ${name} whole: ${findings.join('; ')}`)
    }
    return { bytes }
  }

  async cleanup(): Promise<CleanupReport> {
    const removed: string[] = []
    const failures: string[] = []
    try {
      for (const { name } of await listOurTables(this.#nft)) {
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

  async #read(transport: Transport, family: IpFamily): Promise<ObservedState> {
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
  #structureFlaw({ family, chains }: ObservedState): string | undefined {
    if (!isOurLayout(chains.keys())) return 'the table is of another version, or not of Portolan'
    if ((this.#refusals.get(family) ?? 0) < toleratedRefusals) return undefined
    return 'the kernel refuses to change the table, so it is not what it looks like'
  }
}

/** Why nft can't even list: there is no such program, or nothing of the kind in the kernel. */
function missingMechanism(error: unknown): string | undefined {
  if (!(error instanceof SystemCommandError)) return undefined
  if (error.code === 'COMMAND_NOT_FOUND') return 'nft is not installed'
  return /(protocol|operation) not supported/i.test(error.output) ? 'the kernel has no nf_tables' : undefined
}
