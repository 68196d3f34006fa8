import { existsSync } from 'node:fs'
import {
  ApplyError,
  type ApplyReport,
  type CleanupReport,
  contractVersion,
  type Dataplane,
  type DataplaneOptions,
  type Evaluation,
  type HeldSets,
  type IpFamily,
  ipFamilies,
  type ProbeReport,
  type ProgramSize,
  type RoutingTable,
  type TableChange,
  type TraceStep,
} from '@portolan/core'
import { SystemCommand } from '@portolan/native/system-command'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { checkDrained, drainCheckMs, takeTurns, unwanted } from './compile/draining.ts'
import { emptyMemory, type Memory, settle } from './compile/memory.ts'
import { print } from './compile/print.ts'
import type { IpvsProgram } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { type Setting, skeletonOperations } from './compile/skeleton.ts'
import type { DestinationStep } from './compile/step.ts'
import { UnusableDestinations, withoutDestinations } from './compile/unusable-destinations.ts'
import { heldSets } from './explain/held-sets.ts'
import { trace } from './explain/trace.ts'
import { applySkeleton } from './kernel/apply-skeleton.ts'
import { cleanUp } from './kernel/cleanup.ts'
import { Disturbance } from './kernel/disturbance.ts'
import { Iptables } from './kernel/iptables.ts'
import { probe } from './kernel/probe.ts'
import type { Transport } from './kernel/transport.ts'
import { Turns } from './kernel/turns.ts'
import { type Held, nothingHeld } from './layout/held.ts'
import { type IpvsSettings, readSettings } from './layout/settings.ts'
import { sysctlsOf } from './layout/sysctls.ts'

/** What of the machine the dataplane works with. */
export interface System {
  readonly command: SystemCommand
  openTransport(): Promise<Transport>
  /** Does something when so many milliseconds have passed; gives what cancels it. */
  after(milliseconds: number, task: () => Promise<void>): () => void
}

const afterAWhile: System['after'] = (milliseconds, task) => {
  const timer = setTimeout(task, milliseconds).unref()
  return () => clearTimeout(timer)
}

/** See layout.ts for how packets are led, and transport.ts for how programs reach the kernel. */
export class IpvsDataplane implements Dataplane<IpvsProgram, Held> {
  readonly name = 'ipvs'
  readonly contractVersion = contractVersion
  readonly capabilities = capabilities
  readonly #options: DataplaneOptions
  readonly #settings: IpvsSettings
  readonly #command: SystemCommand
  readonly #iptables: Iptables
  readonly #memories = new Map<IpFamily, Memory>()
  readonly #disturbances = new Map<IpFamily, Disturbance>()
  /** Rules depend on the table only by what is fixed in it; the last one seen tells. */
  readonly #rulesOf = new Map<IpFamily, Setting>()
  readonly #unusable = new Map(ipFamilies.map((family) => [family, new UnusableDestinations()]))
  readonly #turns = new Turns()
  readonly #openTransport: System['openTransport']
  readonly #after: System['after']
  #cancelDrainCheck: (() => void) | undefined
  #opening: Promise<Transport> | undefined
  #timeoutsSet = false

  /**
   * @param system this machine's, unless a test has a model of it
   * @throws IpvsSettingError
   */
  constructor(options: DataplaneOptions, system: Partial<System> = {}) {
    this.#options = options
    this.#settings = readSettings(options.settings, options.masqueradeBit)
    this.#command = system.command ?? new SystemCommand(options.networkNamespace)
    this.#openTransport = system.openTransport ?? (() => this.#openKernel())
    this.#after = system.after ?? afterAWhile
    this.#iptables = new Iptables(this.#command, this.#settings.iptables)
  }

  probe(): Promise<ProbeReport> {
    return probe(this.#command, this.#iptables, this.#settings, () => this.#openTransport())
  }

  async start(): Promise<void> {
    await this.#started()
  }

  observe(family: IpFamily): Promise<Held> {
    return this.#turns.take(family, async () => {
      const transport = await this.#started()
      const generation = transport.readGeneration()
      const sysctls = new Map<string, string>()
      for (const name of sysctlsOf(family).keys()) {
        const value = await transport.readSysctl(name)
        if (value !== undefined) sysctls.set(name, value)
      }
      const leftOver = await this.#iptables.readLeftOver(family)
      const held: Held = {
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
      this.#disturbance(family).observed(held, generation)
      return held
    })
  }

  isUnchanged(family: IpFamily): Promise<boolean> {
    return this.#turns.take(family, async () => {
      const [transport, setting] = [await this.#started(), this.#rulesOf.get(family)]
      if (setting === undefined) return false
      return this.#disturbance(family).isQuiet(transport, this.#iptables, setting, this.#memory(family))
    })
  }

  /** IPVS keeps destinations in an order of its own, which means nothing. */
  endpointOrder(): undefined {
    return undefined
  }

  heldSets(held: Held, table: RoutingTable): HeldSets {
    return heldSets(held, table)
  }

  nothingHeld(family: IpFamily): Held {
    return nothingHeld(family)
  }

  compile(change: TableChange): IpvsProgram {
    return compile(change, this.#settings, this.#memory(change.family))
  }

  reconcile(held: Held, table: RoutingTable): IpvsProgram {
    const program = reconcile(held, table, this.#settings, this.#setting(table))
    return withoutDestinations(program, this.#unusable.get(table.family)?.among(program) ?? [])
  }

  print(program: IpvsProgram): string {
    return print(program)
  }

  measure(program: IpvsProgram): ProgramSize {
    return {
      operations: skeletonOperations(program.skeleton) + program.steps.length,
      findings: program.findings,
    }
  }

  apply(program: IpvsProgram): Promise<ApplyReport> {
    const { family, skeleton, steps } = program
    return this.#turns.take(family, async () => {
      const transport = await this.#started()
      const disturbance = this.#disturbance(family)
      await this.#setTimeouts(transport)
      let bytes = 0
      let unusable: readonly DestinationStep[] = []
      try {
        bytes += await applySkeleton(family, skeleton, transport, this.#iptables)
        if (skeleton.rules.length > 0) disturbance.rulesWritten()
        const applied = await transport.apply(family, steps)
        bytes += applied.bytes
        unusable = applied.unusable
      } catch (error) {
        disturbance.doubt()
        throw error
      }
      disturbance.applied(steps)
      this.#unusable.get(family)?.note(unusable)
      const { outcome, degraded } = withoutDestinations(program, unusable)
      this.#memories.set(family, settle(outcome))
      if (skeleton.setting !== undefined) this.#rulesOf.set(family, skeleton.setting)
      await this.#checkDraining(family, transport, unwanted(outcome))
      this.#watchDraining()
      return { operations: this.measure(program).operations, bytes, degraded }
    })
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly TraceStep<Held>[] {
    return trace(table, evaluation, this.#settings, this.#setting(table))
  }

  async stop(): Promise<void> {
    this.#cancelDrainCheck?.()
    this.#cancelDrainCheck = undefined
    for (const family of ipFamilies) await this.#turns.take(family, async () => {})
    const opening = this.#opening
    this.#opening = undefined
    // One that could not be opened has nothing to close.
    const transport = await opening?.catch(() => undefined)
    transport?.close()
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

  #setting({ family, podSource }: RoutingTable): Setting {
    const { masqueradeBit } = this.#options
    return { family, podSource, masqueradeBit, routeMarkBit: this.#settings.routeMarkBit }
  }

  #memory(family: IpFamily): Memory {
    let memory = this.#memories.get(family)
    if (memory === undefined) {
      memory = emptyMemory({
        masquerade: this.#options.masqueradeBit,
        route: this.#settings.routeMarkBit,
      })
      this.#memories.set(family, memory)
    }
    return memory
  }

  #disturbance(family: IpFamily): Disturbance {
    let disturbance = this.#disturbances.get(family)
    if (disturbance === undefined) {
      disturbance = new Disturbance()
      this.#disturbances.set(family, disturbance)
    }
    return disturbance
  }

  #watchDraining(): void {
    const draining = [...this.#memories.values()].some((memory) => memory.draining.size > 0)
    if (!draining || this.#cancelDrainCheck !== undefined) return
    const cancel = this.#after(drainCheckMs, async () => {
      // One check after the other, however long one takes.
      await Promise.allSettled(
        [...this.#memories].map(([family, memory]) =>
          this.#turns.take(family, async () => {
            const transport = await this.#opening
            if (transport !== undefined) await this.#checkDraining(family, transport, takeTurns(memory))
          }),
        ),
      )
      if (this.#cancelDrainCheck !== cancel) return
      this.#cancelDrainCheck = undefined
      this.#watchDraining()
    })
    this.#cancelDrainCheck = cancel
  }

  async #checkDraining(
    family: IpFamily,
    transport: Transport,
    keys: ReturnType<typeof takeTurns>,
  ): Promise<void> {
    if (keys.length === 0) return
    const disturbance = this.#disturbance(family)
    try {
      const memory = this.#memory(family)
      const program = await checkDrained(family, memory, keys, (places) =>
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

  #started(): Promise<Transport> {
    if (this.#opening === undefined) {
      const opening = this.#openTransport()
      this.#opening = opening
      opening.catch(() => {
        if (this.#opening === opening) this.#opening = undefined
      })
    }
    return this.#opening
  }

  /** The native library is loaded only here, so that `explain` and `plan` from a file need neither it nor root. */
  async #openKernel(): Promise<Transport> {
    if (this.#settings.transport === 'ipvsadm') {
      const { CommandTransport } = await import('./kernel/command-transport.ts')
      return new CommandTransport(this.#command)
    }
    const { NetlinkTransport } = await import('./kernel/netlink-transport.ts')
    return new NetlinkTransport(this.#options.networkNamespace)
  }
}
