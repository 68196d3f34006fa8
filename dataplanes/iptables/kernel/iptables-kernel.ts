import {
  type ApplyReport,
  addressBytes,
  type CleanupReport,
  type DataplaneContext,
  type DrainReport,
  type ForgottenFlows,
  formatBytes,
  type Kernel,
  type ProbeReport,
  type Session,
  type UdpFlows,
} from '@portolan/core'
import { detectIptablesVariant, forgetStaleFlows, Xtables } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import { type IptablesProgram, settle, type TableMemory } from '../compile/program.ts'
import { isOurChain } from '../layout/chain-names.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import type { Settings } from '../layout/settings.ts'
import { apply } from './apply.ts'
import { cleanup } from './cleanup.ts'
import { drain, ourSetNames } from './drain.ts'
import { DriftDetector } from './drift-detector.ts'
import { observe } from './observe.ts'
import { openFingerprint } from './open-fingerprint.ts'
import { probe } from './probe.ts'

/** What of the machine the dataplane works with. */
export interface System {
  readonly command: SystemCommand
  readonly openFingerprint: typeof openFingerprint
  /** Sets that remember clients, in each family. Default: what the kernel has room for. */
  readonly maxClientSets: number
}

export interface Opened {
  readonly xtables: Xtables
  readonly driftDetector: DriftDetector
}

type IptablesSession = Session<Opened, TableMemory>

interface KernelOptions extends Pick<DataplaneContext<Settings>, 'networkNamespace' | 'settings' | 'notify'> {
  readonly system: Partial<System>
}

/** The rules and sets of one network namespace. */
export class IptablesKernel implements Kernel<IptablesProgram, ObservedState, Opened, TableMemory> {
  readonly #options: KernelOptions
  readonly #command: SystemCommand

  constructor(options: KernelOptions) {
    this.#options = options
    this.#command = options.system.command ?? new SystemCommand(options.networkNamespace)
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#command, this.#options.settings.variant)
  }

  async open(): Promise<Opened> {
    const { networkNamespace, settings, system } = this.#options
    const variant = settings.variant ?? (await detectIptablesVariant(this.#command, isOurChain))
    const open = system.openFingerprint ?? openFingerprint
    return {
      xtables: new Xtables(this.#command, variant, isOurChain),
      driftDetector: new DriftDetector(open(variant, networkNamespace)),
    }
  }

  close({ driftDetector }: Opened): void {
    driftDetector.close()
  }

  observe({ family, handle }: IptablesSession): Promise<ObservedState> {
    const { xtables, driftDetector } = handle
    return driftDetector.reading(family, () => observe(family, this.#command, xtables))
  }

  isUnchanged({ family, handle }: IptablesSession): Promise<boolean> {
    return handle.driftDetector.isQuiet(family)
  }

  async apply(program: IptablesProgram, session: IptablesSession): Promise<ApplyReport> {
    let bytes = 0
    const notices = [...program.notices]
    if (program.operations > 0) {
      const { xtables, driftDetector } = session.handle
      const send = () => apply(program, this.#command, xtables)
      const applied = await driftDetector.applying(program.family, send)
      bytes = applied.bytes
      notices.push(...applied.notices)
    }
    session.memory = settle(program.outcome)
    for (const notice of notices) this.#options.notify(notice)
    return { bytes }
  }

  forgetFlows(flows: UdpFlows, { family }: IptablesSession): Promise<ForgottenFlows> {
    return forgetStaleFlows({
      ...flows,
      family,
      addressBytes,
      formatBytes,
      networkNamespace: this.#options.networkNamespace,
    })
  }

  async remains(): Promise<readonly string[]> {
    const sets = await ourSetNames(this.#command)
    return sets.length === 0 ? [] : [`rules with ${sets.length} ipsets, such as ${sets[0]}`]
  }

  drain(): Promise<DrainReport> {
    return drain(this.#command)
  }

  cleanup(): Promise<CleanupReport> {
    return cleanup(this.#command)
  }
}
