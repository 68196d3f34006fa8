import { existsSync } from 'node:fs'
import {
  ApplyError,
  type ApplyReport,
  type CleanupReport,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type Session,
} from '@portolan/core'
import { SystemCommand } from '@portolan/native/system-command'
import { checkDrained, takeTurns, unwanted } from '../compile/draining.ts'
import { type Memory, settle } from '../compile/memory.ts'
import type { IpvsProgram } from '../compile/program.ts'
import type { Setting } from '../compile/skeleton.ts'
import type { DestinationStep } from '../compile/step.ts'
import { type UnusableDestinations, withoutDestinations } from '../compile/unusable-destinations.ts'
import type { ObservedState } from '../layout/held.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import { sysctlsOf } from '../layout/sysctls.ts'
import { applySkeleton } from './apply-skeleton.ts'
import { cleanUp } from './cleanup.ts'
import { Disturbance } from './disturbance.ts'
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

export interface KernelOptions {
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
  readonly #disturbances: Readonly<Record<IpFamily, Disturbance>> = {
    IPv4: new Disturbance(),
    IPv6: new Disturbance(),
  }
  #timeoutsSet = false

  constructor({ networkNamespace, settings, system }: KernelOptions) {
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
    const held: ObservedState = {
      family,
      skeleton: {
        rules: await this.#iptables.read(family),
        ...(leftOver === undefined ? {} : { leftOver }),
        routed: await transport.isRouted(family, 2 ** this.#settings.routeMarkBit),
        sysctls,
      },
      servers: await transport.readServers(family),
      elements: await transport.readSets(family),
    }
    this.#disturbances[family].observed(held, generation)
    return held
  }

  async isUnchanged({ family, handle, memory }: IpvsSession): Promise<boolean> {
    if (memory.rules === undefined) return false
    return this.#disturbances[family].isQuiet(handle, this.#iptables, memory.rules, memory.placed)
  }

  async apply(program: IpvsProgram, session: IpvsSession): Promise<ApplyReport> {
    const { family, skeleton, steps } = program
    const { handle: transport, memory } = session
    const disturbance = this.#disturbances[family]
    await this.#setTimeouts(transport)
    let bytes = 0
    let refused: readonly DestinationStep[] = []
    try {
      bytes += await applySkeleton(family, skeleton, transport, this.#iptables)
      if (skeleton.rules.length > 0) disturbance.rulesWritten()
      const applied = await transport.apply(family, steps)
      bytes += applied.bytes
      refused = applied.unusable
    } catch (error) {
      disturbance.doubt()
      throw error
    }
    disturbance.applied(steps)
    memory.unusable.note(refused)
    const { outcome, degraded } = withoutDestinations(program, refused)
    memory.placed = settle(outcome)
    if (skeleton.setting !== undefined) memory.rules = skeleton.setting
    await this.#removeDrained(session, unwanted(outcome))
    return { bytes, degraded: degraded.filter((one) => !program.degraded.includes(one)) }
  }

  /** Destinations whose last connection has ended go. */
  async upkeep(session: IpvsSession): Promise<void> {
    await this.#removeDrained(session, takeTurns(session.memory.placed))
  }

  async cleanup(): Promise<CleanupReport> {
    // Nothing is ever written without IPVS, and rules that match by it keep its module: this kernel has none of ours. Not
    // asked by netlink, since that loads the module.
    if (!existsSync('/proc/net/ip_vs'))
      return { removed: [], absent: 'the kernel has no IPVS, or has not loaded it' }
    const transport = await this.#openTransport()
    try {
      return { removed: await cleanUp(transport, this.#iptables) }
    } finally {
      transport.close()
    }
  }

  async #removeDrained(session: IpvsSession, keys: ReturnType<typeof takeTurns>): Promise<void> {
    if (keys.length === 0) return
    const { family, handle: transport, memory } = session
    const disturbance = this.#disturbances[family]
    try {
      const program = await checkDrained(family, memory.placed, keys, (places) =>
        transport.readServersAt(family, places),
      )
      await transport.apply(family, program.steps)
      disturbance.applied(program.steps)
      settle(program.outcome)
    } catch {
      // Somebody changed things meanwhile: the core is told by the next `isUnchanged`, reads back and puts it right.
      disturbance.doubt()
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
