import { existsSync } from 'node:fs'
import {
  ApplyError,
  type ApplyReport,
  type CleanupReport,
  type DataplaneContext,
  type DrainReport,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type RoutingTable,
  type Session,
} from '@portolan/core'
import { networkNamespaceCookie } from '@portolan/native'
import type { BpfObject } from '@portolan/native/libbpf'
import type { LeftOut } from '../compile/left-out.ts'
import type { EbpfProgram } from '../compile/program.ts'
import { nodeSteps } from '../compile/reconcile.ts'
import type { NodeState, ObservedState } from '../layout/observed-state.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { applyElements } from './apply.ts'
import { Background } from './background.ts'
import { cleanUp } from './cleanup.ts'
import { CompareSchedule } from './compare-schedule.ts'
import { drain, pinnedNode } from './drain.ts'
import { Installation, type InstallationOptions } from './installation.ts'
import { findDetached } from './node-hooks.ts'
import { observe, readDevices, readNamespaces, readSettings as readObservedSettings } from './observe.ts'
import { probe } from './probe.ts'
import { inNode, readNode } from './read-node.ts'
import { SpotCheck } from './spot-check.ts'
import { TableMaps } from './table-maps.ts'

/** Of reading, while interfaces come and go. */
const maxAttempts = 5

export interface KernelOptions
  extends InstallationOptions,
    Pick<DataplaneContext, 'notify' | 'nodeChanged'> {}

type EbpfSession = Session<TableMaps>

/** The maps and programs of one node. */
export class EbpfKernel implements Kernel<EbpfProgram, ObservedState, TableMaps> {
  readonly #settings: EbpfSettings
  readonly #installation: Installation
  readonly #notify: (notice: string) => void
  readonly #nodeChanged: (what: string) => void
  #tables: TableMaps | undefined
  #background: Background | undefined
  /** As they were last applied, by family; they change in place. */
  readonly #applied = new Map<IpFamily, RoutingTable>()
  readonly #checks = new Map<IpFamily, SpotCheck>()
  /** As it was when a family was last observed; from then on the background follows it. */
  #node: NodeState | undefined
  readonly #schedule = new CompareSchedule()

  constructor(options: KernelOptions) {
    const { settings, notify, nodeChanged } = options
    this.#settings = settings
    this.#installation = new Installation(options)
    this.#notify = notify
    this.#nodeChanged = nodeChanged
  }

  /** Of the node, as they were last read. */
  get interfaces(): NodeState['interfaces'] {
    return (this.#background?.node.node ?? this.#node)?.interfaces ?? []
  }

  /** What of the family's table is known not to fit into the maps; `undefined`: they aren't open. */
  leftOut(family: IpFamily): LeftOut | undefined {
    return this.#tables?.leftOut[family]
  }

  async probe(): Promise<ProbeReport> {
    return probe(this.#settings)
  }

  /**
   * The programs are loaded only here, so that `explain` and `plan` from a file need neither libbpf nor root. What is
   * pinned is used and left as it is.
   */
  async open(): Promise<TableMaps> {
    this.#tables = new TableMaps(await this.#installation.load())
    return this.#tables
  }

  close({ object }: TableMaps): void {
    this.#background?.stop()
    this.#background = undefined
    object.close()
    this.#tables = undefined
    this.#applied.clear()
    this.#checks.clear()
    this.#schedule.clear()
    this.#installation.close()
  }

  async observe({ family, handle }: EbpfSession): Promise<ObservedState> {
    const begun = performance.now()
    const { object } = handle
    const { observedState, node } = this.#inStep(() => {
      const node = readNode(this.#settings)
      const detached = findDetached(object, this.#settings, node, this.#installation.pins)
      return { observedState: observe(object, family, node, detached), node }
    })
    this.#node = node
    this.#schedule.compared(family, begun)
    return observedState
  }

  /**
   * Every look sees whether all programs are attached and what the maps have about the node, and reads some of the
   * routes; the comparison of everything is asked for from time to time.
   */
  async isUnchanged({ family, handle: maps }: EbpfSession): Promise<boolean> {
    const table = this.#applied.get(family)
    if (table === undefined || this.#schedule.isDue(family) || maps.leftOut[family].mayFit) return false
    if (!this.#inStep(() => this.#isAttached(maps.object, family, table))) return false
    let check = this.#checks.get(family)
    if (check?.isFor(table) !== true) {
      check = new SpotCheck(maps, table)
      this.#checks.set(family, check)
    }
    return check.isRight()
  }

  /** Whether all programs are where they belong, and what the maps have about the node is so. */
  #isAttached(object: BpfObject, family: IpFamily, table: RoutingTable): boolean {
    const node = readNode(this.#settings)
    if (findDetached(object, this.#settings, node, this.#installation.pins).length > 0) return false
    const observedState = {
      devices: readDevices(object, family),
      namespaces: readNamespaces(object),
      settings: readObservedSettings(object, family),
      node,
    }
    return nodeSteps(observedState, table).length === 0
  }

  /**
   * Reads when everything that the node did has been followed, and again if it did more meanwhile: an interface that comes
   * is no drift.
   */
  #inStep<Result>(read: () => Result): Result {
    this.#background?.node.catchUp()
    for (let attempt = 1; ; attempt++) {
      const result = read()
      if (attempt === maxAttempts || this.#background?.node.catchUp() !== true) return result
    }
  }

  async apply(program: EbpfProgram, { handle: tables }: EbpfSession): Promise<ApplyReport> {
    const { object } = tables
    try {
      const attaches = program.attach.length > 0
      // Hooks get their programs one after the other, and none may begin a connection whose answers come in by a hook that
      // has none yet. Without frontends they begin nothing; programs that others are replaced by find theirs filled.
      const isBare = attaches && object.map('frontends').isEmpty
      if (isBare) await this.#installation.attach(object)
      const { bytes, degraded, removed } = applyElements(program, tables, performance.now())
      if (attaches && !isBare) await this.#installation.attach(object)
      this.#installation.leaveOldMaps()
      this.#background ??= new Background(
        object,
        this.#settings,
        this.#installation.pins,
        this.#node ?? readNode(this.#settings),
        { notice: this.#notify, changed: this.#nodeChanged },
      )
      this.#background.applied(program.table, removed)
      this.#applied.set(program.family, program.table)
      return { bytes, degraded }
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ApplyError(message, { cause })
    }
  }

  /** What is pinned by the name of another node, one that had this file system before, is none of this node's. */
  async remains(): Promise<readonly string[]> {
    const { directory } = this.#installation
    if (!existsSync(directory)) return []
    const node = pinnedNode(directory)
    if (node !== undefined && node !== inNode(this.#settings, networkNamespaceCookie)) return []
    return [`programs and maps pinned in ${directory}`]
  }

  drain(): Promise<DrainReport> {
    return drain(this.#installation.directory)
  }

  cleanup(): Promise<CleanupReport> {
    return cleanUp(this.#settings, this.#installation.directory)
  }
}
