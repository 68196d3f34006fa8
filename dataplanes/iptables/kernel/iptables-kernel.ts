import type {
  ApplyReport,
  CleanupReport,
  DataplaneContext,
  Kernel,
  ProbeReport,
  Session,
} from '@portolan/core'
import { detectIptablesVariant, Xtables } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import { type IptablesProgram, settle, type TableMemory } from '../compile/program.ts'
import { isOurChain } from '../layout/chain-names.ts'
import type { ObservedState } from '../layout/held.ts'
import type { Settings } from '../layout/settings.ts'
import { apply } from './apply.ts'
import { cleanup } from './cleanup.ts'
import { Disturbance } from './disturbance.ts'
import { observe } from './observe.ts'
import { openWitness } from './open-witness.ts'
import { probe } from './probe.ts'

/** What of the machine the dataplane works with. */
export interface System {
  readonly command: SystemCommand
  readonly openWitness: typeof openWitness
  /** Sets that remember clients, in each family. Default: what the kernel has room for. */
  readonly mostClientSets: number
}

export interface Opened {
  readonly xtables: Xtables
  readonly disturbance: Disturbance
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
    const open = system.openWitness ?? openWitness
    return {
      xtables: new Xtables(this.#command, variant, isOurChain),
      disturbance: new Disturbance(open(variant, networkNamespace)),
    }
  }

  close({ disturbance }: Opened): void {
    disturbance.close()
  }

  observe({ family, handle }: IptablesSession): Promise<ObservedState> {
    const { xtables, disturbance } = handle
    return disturbance.reading(family, () => observe(family, this.#command, xtables))
  }

  isUnchanged({ family, handle }: IptablesSession): Promise<boolean> {
    return handle.disturbance.isQuiet(family)
  }

  async apply(program: IptablesProgram, session: IptablesSession): Promise<ApplyReport> {
    let bytes = 0
    const notices = [...program.notices]
    if (program.operations > 0) {
      const { xtables, disturbance } = session.handle
      const send = () => apply(program, this.#command, xtables)
      const applied = await disturbance.applying(program.family, send)
      bytes = applied.bytes
      notices.push(...applied.notices)
    }
    session.memory = settle(program.outcome)
    for (const notice of notices) this.#options.notify(notice)
    return { bytes }
  }

  cleanup(): Promise<CleanupReport> {
    return cleanup(this.#command)
  }
}
