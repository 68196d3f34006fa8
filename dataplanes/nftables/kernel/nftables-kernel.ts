import {
  type ApplyReport,
  addressBytes,
  type CleanupReport,
  type DataplaneContext,
  type DrainReport,
  type ForgottenFlows,
  formatBytes,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type Session,
  type UdpFlows,
} from '@portolan/core'
import { forgetStaleFlows } from '@portolan/native/netfilter'
import { type NftProgram, settle, type TableMemory } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import type { Settings } from '../layout/settings.ts'
import { nftFamily, tableName } from '../layout/table.ts'
import { cleanUp } from './cleanup.ts'
import { drain, ourTableNames } from './drain.ts'
import { DriftDetector } from './drift-detector.ts'
import { NftCommand } from './nft-command.ts'
import { observe } from './observe.ts'
import type { OpenTransport } from './open-transport.ts'
import { probe } from './probe.ts'
import type { Transport } from './transport.ts'

/**
 * A change may be refused because others have changed the table meanwhile, and a repair because it happens again. More
 * means that the table has something that doesn't show when it is read back, and it is replaced.
 */
const toleratedRefusals = 2
const refusing = 'the kernel refuses to change the table, so it is not what it looks like'

export interface Opened {
  readonly transport: Transport
  readonly drift: DriftDetector
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
    return { transport, drift: new DriftDetector(() => transport.readGeneration()) }
  }

  close({ transport }: Opened): void {
    transport.close()
  }

  observe({ family, handle }: NftSession): Promise<ObservedState> {
    const { transport, drift } = handle
    const distrusted = (this.#refusals.get(family) ?? 0) >= toleratedRefusals
    return drift.reading(family, () => observe(transport, family, distrusted ? refusing : undefined))
  }

  isUnchanged({ family, handle }: NftSession): Promise<boolean> {
    return handle.drift.isUnchanged(family)
  }

  async apply(program: NftProgram, session: NftSession): Promise<ApplyReport> {
    const { family, findings, operations, replace } = program
    const { transport, drift } = session.handle
    let bytes = 0
    if (operations > 0) {
      try {
        bytes = (await drift.committing(() => transport.apply(program))).bytes
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

  forgetFlows(flows: UdpFlows, { family }: NftSession): Promise<ForgottenFlows> {
    return forgetStaleFlows({
      ...flows,
      family,
      addressBytes,
      formatBytes,
      networkNamespace: this.#options.networkNamespace,
    })
  }

  async remains(): Promise<readonly string[]> {
    return (await ourTableNames(this.#nft)).map((name) => `table ${name}`)
  }

  drain(): Promise<DrainReport> {
    return drain(this.#nft, this.#options.networkNamespace)
  }

  cleanup(): Promise<CleanupReport> {
    return cleanUp(this.#nft)
  }
}
