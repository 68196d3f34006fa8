import { existsSync } from 'node:fs'
import {
  ApplyError,
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
import { SystemCommand } from '@portolan/native/system-command'
import type { Setting } from '../compile/base-rules.ts'
import { checkDrained, takeTurns, unwanted } from '../compile/draining.ts'
import { type Memory, settle } from '../compile/memory.ts'
import type { IpvsProgram } from '../compile/program.ts'
import type { DestinationStep } from '../compile/step.ts'
import { type UnusableDestinations, withoutDestinations } from '../compile/unusable-destinations.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import { sysctlsOf } from '../layout/sysctls.ts'
import { applyBaseRules } from './apply-base-rules.ts'
import { cleanUp } from './cleanup.ts'
import { drain, ourSetNames } from './drain.ts'
import { DriftDetector } from './drift-detector.ts'
import { Iptables } from './iptables.ts'
import { probe } from './probe.ts'
import type { Transport } from './transport.ts'

/** What of the machine the dataplane works with. */
export interface System {
  readonly command: SystemCommand
  openTransport(): Promise<Transport>
}

/** What is remembered of a family. */
export interface FamilyMemory {
  placed: Memory
  readonly unusable: UnusableDestinations
  /** Rules depend on the table only by what is fixed in it; the last one seen tells. */
  rules?: Setting
}

type IpvsSession = Session<Transport, FamilyMemory>

export interface KernelOptions extends Pick<DataplaneContext, 'notify'> {
  readonly networkNamespace: string | undefined
  readonly settings: IpvsSettings
  readonly system: Partial<System>
}

/** The virtual servers, sets and rules of one network namespace. */
export class IpvsKernel implements Kernel<IpvsProgram, ObservedState, Transport, FamilyMemory> {
  readonly #settings: IpvsSettings
  readonly #networkNamespace: string | undefined
  readonly #command: SystemCommand
  readonly #iptables: Iptables
  readonly #openTransport: System['openTransport']
  readonly #driftDetectors: Readonly<Record<IpFamily, DriftDetector>> = {
    IPv4: new DriftDetector(),
    IPv6: new DriftDetector(),
  }
  readonly #notify: (notice: string) => void
  #timeoutsSet = false

  constructor({ networkNamespace, settings, system, notify }: KernelOptions) {
    this.#notify = notify
    this.#settings = settings
    this.#networkNamespace = networkNamespace
    this.#command = system.command ?? new SystemCommand(networkNamespace)
    this.#openTransport = system.openTransport ?? (() => this.#openKernel())
    this.#iptables = new Iptables(this.#command, settings.iptables)
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#command, this.#iptables, this.#settings, () => this.#openTransport())
  }

  open(): Promise<Transport> {
    return this.#openTransport()
  }

  close(transport: Transport): void {
    transport.close()
  }

  async observe({ family, handle: transport }: IpvsSession): Promise<ObservedState> {
    const generation = transport.readGeneration()
    const sysctls = new Map<string, string>()
    for (const name of sysctlsOf(family).keys()) {
      const value = await transport.readSysctl(name)
      if (value !== undefined) sysctls.set(name, value)
    }
    const leftOver = await this.#iptables.readLeftOver(family)
    const observedState: ObservedState = {
      family,
      baseRules: {
        rules: await this.#iptables.read(family),
        ...(leftOver === undefined ? {} : { leftOver }),
        routed: await transport.isRouted(family, 2 ** this.#settings.routeMarkBit),
        sysctls,
      },
      servers: await transport.readServers(family),
      elements: await transport.readSets(family),
    }
    this.#driftDetectors[family].observed(observedState, generation)
    return observedState
  }

  async isUnchanged({ family, handle, memory }: IpvsSession): Promise<boolean> {
    if (memory.rules === undefined) return false
    return this.#driftDetectors[family].isQuiet(handle, this.#iptables, memory.rules, memory.placed)
  }

  async apply(program: IpvsProgram, session: IpvsSession): Promise<ApplyReport> {
    const { family, baseRules, steps } = program
    const { handle: transport, memory } = session
    const driftDetector = this.#driftDetectors[family]
    await this.#setTimeouts(transport)
    let bytes = 0
    let refused: readonly DestinationStep[] = []
    try {
      bytes += await applyBaseRules(family, baseRules, transport, this.#iptables)
      if (baseRules.rules.length > 0) driftDetector.rulesWritten()
      const applied = await transport.apply(family, steps)
      bytes += applied.bytes
      refused = applied.unusable
    } catch (error) {
      driftDetector.doubt()
      throw error
    }
    driftDetector.applied(steps)
    memory.unusable.note(refused)
    const { outcome, degraded } = withoutDestinations(program, refused)
    memory.placed = settle(outcome)
    if (baseRules.setting !== undefined) memory.rules = baseRules.setting
    await this.#removeDrained(session, unwanted(outcome))
    return { bytes, degraded: degraded.filter((one) => !program.degraded.includes(one)) }
  }

  /** Destinations whose last connection has ended go. */
  async upkeep(session: IpvsSession): Promise<void> {
    await this.#removeDrained(session, takeTurns(session.memory.placed))
  }

  forgetFlows(flows: UdpFlows, { family }: IpvsSession): Promise<ForgottenFlows> {
    return forgetStaleFlows({
      ...flows,
      family,
      addressBytes,
      formatBytes,
      networkNamespace: this.#networkNamespace,
    })
  }

  async remains(): Promise<readonly string[]> {
    if (!existsSync('/proc/net/ip_vs')) return []
    const sets = await ourSetNames(this.#command)
    return sets.length === 0
      ? []
      : [`virtual servers and rules with ${sets.length} ipsets, such as ${sets[0]}`]
  }

  async drain(): Promise<DrainReport> {
    if (!existsSync('/proc/net/ip_vs')) return { connections: 0 }
    const transport = await this.#openTransport()
    try {
      return await drain(transport, this.#iptables, this.#command, this.#notify)
    } finally {
      transport.close()
    }
  }

  async cleanup(): Promise<CleanupReport> {
    // Nothing is ever written without IPVS, and rules that match by it keep its module: this kernel has none of ours. Not
    // asked by netlink, since that loads the module.
    if (!existsSync('/proc/net/ip_vs'))
      return { removed: [], absent: 'the kernel has no IPVS, or has not loaded it' }
    const transport = await this.#openTransport()
    try {
      return { removed: await cleanUp(transport, this.#iptables, this.#networkNamespace) }
    } finally {
      transport.close()
    }
  }

  async #removeDrained(session: IpvsSession, keys: ReturnType<typeof takeTurns>): Promise<void> {
    if (keys.length === 0) return
    const { family, handle: transport, memory } = session
    const driftDetector = this.#driftDetectors[family]
    try {
      const program = await checkDrained(family, memory.placed, keys, (places) =>
        transport.readServersAt(family, places),
      )
      await transport.apply(family, program.steps)
      driftDetector.applied(program.steps)
      settle(program.outcome)
    } catch {
      // Another tool changed things meanwhile: the core is told by the next `isUnchanged`, reads back and puts it right.
      driftDetector.doubt()
    }
  }

  /** Once, and not before something is applied: who only looks changes nothing. */
  async #setTimeouts(transport: Transport): Promise<void> {
    const { tcpTimeout, tcpFinTimeout, udpTimeout } = this.#settings
    if (this.#timeoutsSet || tcpTimeout + tcpFinTimeout + udpTimeout === 0) return
    try {
      await transport.setTimeouts(this.#settings)
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      throw new ApplyError(words, { operation: "set IPVS's timeouts", cause: error })
    }
    this.#timeoutsSet = true
  }

  /** The native library is loaded only here, so that `explain` and `plan` from a file need neither it nor root. */
  async #openKernel(): Promise<Transport> {
    if (this.#settings.transport === 'ipvsadm') {
      const { CommandTransport } = await import('./command-transport.ts')
      return new CommandTransport(this.#command)
    }
    const { NetlinkTransport } = await import('./netlink-transport.ts')
    return new NetlinkTransport(this.#networkNamespace)
  }
}
