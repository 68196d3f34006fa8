import { existsSync, rmSync } from 'node:fs'
import {
  ApplyError,
  type ApplyReport,
  type CleanupReport,
  type DataplaneContext,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type RoutingTable,
  type Session,
} from '@portolan/core'
import {
  BpfObject,
  bpfFileSystem,
  isBpfFileSystemMounted,
  lockBpfFileSystem,
  makePinDirectory,
  readPrograms,
  unmountBpfFileSystem,
} from '@portolan/native/libbpf'
import type { LeftOut } from '../compile/left-out.ts'
import type { EbpfProgram } from '../compile/program.ts'
import { nodeSteps } from '../compile/reconcile.ts'
import type { NodeState, ObservedState } from '../layout/held.ts'
import { allMaps } from '../layout/maps.ts'
import { settingsKey } from '../layout/node-elements.ts'
import { allPrograms } from '../layout/programs.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { structs } from '../layout/structures.ts'
import { applyElements } from './apply.ts'
import { Background } from './background.ts'
import { CarryOver } from './carry-over.ts'
import { findCgroup } from './cgroup-root.ts'
import { attachAll, detachInterfaces, findDetached } from './node-hooks.ts'
import { observe, readDevices, readSettings as readHeldSettings, readNamespaces } from './observe.ts'
import {
  areMapsPinned,
  linkPin,
  type NodePins,
  nodeDirectory,
  nodePins,
  otherMapDirectories,
  unpinDeadNodes,
  unpinNode,
} from './pins.ts'
import { probe } from './probe.ts'
import { readNode } from './read-node.ts'
import { SpotCheck } from './spot-check.ts'
import { TableMaps } from './table-maps.ts'

/** Everything is compared this often at most, in milliseconds, and for one part in so many of the time. */
const leastComparePeriod = 60_000
const compareShare = 1000

/** Of reading, while interfaces come and go. */
const mostAttempts = 5

export interface KernelOptions extends Pick<DataplaneContext, 'networkNamespace' | 'notify' | 'nodeChanged'> {
  readonly settings: EbpfSettings
}

type EbpfSession = Session<TableMaps>

/** The maps and programs of one node. */
export class EbpfKernel implements Kernel<EbpfProgram, ObservedState, TableMaps> {
  readonly #settings: EbpfSettings
  readonly #networkNamespace: string | undefined
  readonly #directory: string
  readonly #notify: (notice: string) => void
  readonly #nodeChanged: (what: string) => void
  #pins: NodePins | undefined
  #tables: TableMaps | undefined
  #background: Background | undefined
  /** As they were last applied, by family; they change in place. */
  readonly #applied = new Map<IpFamily, RoutingTable>()
  readonly #checks = new Map<IpFamily, SpotCheck>()
  /** When a family was last observed; from then on the background follows it. */
  #node: NodeState | undefined
  /** When everything was last read back, and how long that took, in milliseconds. */
  readonly #compared = new Map<IpFamily, { readonly at: number; readonly cost: number }>()
  /** From maps of another version or size, until the programs are replaced. */
  #carryOver: CarryOver | undefined
  /** What an upgrade could not take over: told once programs use the new maps. */
  #lost: readonly string[] = []
  /** What is pinned is of a network namespace that had this one's name before. */
  #replacesAnother = false

  constructor({ networkNamespace, settings, notify, nodeChanged }: KernelOptions) {
    this.#settings = settings
    this.#networkNamespace = networkNamespace
    this.#directory = nodeDirectory(networkNamespace)
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
    let object = await this.#load(this.#pinned().maps)
    const [old] = otherMapDirectories(this.#pinned())
    if (old !== undefined) {
      this.#carryOver = new CarryOver(old, object)
      // Maps that are pinned have it all already, and programs may be using them: a process ended before it removed the
      // old ones.
      if (!areMapsPinned(this.#pinned())) this.#lost = this.#carryOver.begin()
    }
    if (this.#isOfAnother(object)) {
      object.close()
      this.#replacesAnother = true
      this.#carryOver = undefined
      this.#lost = []
      object = await this.#load()
    }
    this.#tables = new TableMaps(object)
    return this.#tables
  }

  close({ object }: TableMaps): void {
    this.#background?.stop()
    this.#background = undefined
    object.close()
    this.#tables = undefined
    this.#applied.clear()
    this.#checks.clear()
    this.#compared.clear()
    this.#carryOver = undefined
  }

  async observe({ family, handle }: EbpfSession): Promise<ObservedState> {
    const begun = performance.now()
    const { object } = handle
    const { held, node } = this.#inStep(() => {
      const node = readNode(this.#settings)
      const detached = findDetached(object, this.#settings, node, this.#pinned())
      return { held: observe(object, family, node, detached), node }
    })
    this.#node = node
    this.#compared.set(family, { at: begun, cost: performance.now() - begun })
    return held
  }

  /**
   * Every look sees whether all programs are attached and what the maps have about the node, and reads some of the
   * routes; the comparison of everything is asked for from time to time.
   */
  async isUnchanged({ family, handle: maps }: EbpfSession): Promise<boolean> {
    const [table, compared] = [this.#applied.get(family), this.#compared.get(family)]
    if (table === undefined || compared === undefined) return false
    if (maps.leftOut[family].mayFit) return false
    if (performance.now() - compared.at > Math.max(leastComparePeriod, compared.cost * compareShare))
      return false
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
    if (findDetached(object, this.#settings, node, this.#pinned()).length > 0) return false
    const held = {
      devices: readDevices(object, family),
      namespaces: readNamespaces(object),
      settings: readHeldSettings(object, family),
      node,
    }
    return nodeSteps(held, table).length === 0
  }

  /**
   * Reads when everything that the node did has been followed, and again if it did more meanwhile: an interface that comes
   * is nobody's interference.
   */
  #inStep<Result>(read: () => Result): Result {
    this.#background?.node.catchUp()
    for (let attempt = 1; ; attempt++) {
      const result = read()
      if (attempt === mostAttempts || this.#background?.node.catchUp() !== true) return result
    }
  }

  async apply(program: EbpfProgram, { handle: tables }: EbpfSession): Promise<ApplyReport> {
    const { object } = tables
    try {
      const { bytes, degraded, removed } = applyElements(program, tables, performance.now())
      if (program.attach.length > 0) await this.#attach(object)
      this.#leaveOldMaps()
      this.#background ??= new Background(
        object,
        this.#settings,
        this.#pinned(),
        this.#node ?? readNode(this.#settings),
        { notice: this.#notify, changed: this.#nodeChanged },
      )
      this.#background.applied(program.table, removed)
      this.#applied.set(program.family, program.table)
      for (const notice of this.#lost) this.#notify(notice)
      this.#lost = []
      return { bytes, degraded }
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ApplyError(message, { cause })
    }
  }

  async cleanup(): Promise<CleanupReport> {
    // A kernel without eBPF has no place for it, and nothing of ours.
    const lock = existsSync(bpfFileSystem) ? await lockBpfFileSystem(false) : undefined
    try {
      return this.#removeAll()
    } finally {
      lock?.release()
    }
  }

  #removeAll(): CleanupReport {
    unpinDeadNodes()
    const removed: string[] = []
    const failures: string[] = []
    const steps = {
      'programs at interfaces': () => detachInterfaces(this.#settings, this.#directory),
      pins: () => unpinNode(this.#directory).map((pin) => `pin ${pin}`),
      mount: () => (unmountBpfFileSystem() ? [`mount ${bpfFileSystem}`] : []),
    }
    for (const [what, take] of Object.entries(steps)) {
      try {
        removed.push(...take())
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (failures.length > 0) throw new Error(failures.join('; '))
    if (removed.length > 0 || isBpfFileSystemMounted()) return { removed }
    return {
      removed,
      absent: `no bpf file system is mounted at ${bpfFileSystem}; in a container, mount the node's`,
    }
  }

  /** From here on what this process has loaded outlives it. */
  async #attach(object: BpfObject): Promise<void> {
    const cgroup = this.#settings.cgroup ?? findCgroup()
    if (cgroup === undefined)
      throw new Error('no cgroup2 is mounted; mount it or name one by --dataplane-option cgroup=PATH')
    const lock = await lockBpfFileSystem(true)
    try {
      unpinDeadNodes()
      if (this.#replacesAnother) unpinNode(this.#directory)
      this.#replacesAnother = false
      makePinDirectory(linkPin(this.#directory, ''))
      for (const notice of attachAll(object, this.#settings, cgroup, this.#pinned())) this.#notify(notice)
    } finally {
      lock.release()
    }
  }

  /** Once nothing uses them. */
  #leaveOldMaps(): void {
    if (this.#carryOver === undefined) return
    this.#carryOver.finish()
    this.#carryOver = undefined
    for (const old of otherMapDirectories(this.#pinned())) rmSync(old, { recursive: true })
  }

  /** Reads the programs, so not before they are needed. */
  #pinned(): NodePins {
    this.#pins ??= nodePins(this.#networkNamespace, this.#settings.sizes)
    return this.#pins
  }

  #load(pinDirectory?: string): Promise<BpfObject> {
    return BpfObject.load(readPrograms(), {
      maps: allMaps,
      programs: allPrograms,
      sizes: this.#settings.sizes,
      ...(pinDirectory === undefined ? {} : { pinDirectory }),
    })
  }

  /** Whether the pinned maps are of a network namespace that had the same name before. */
  #isOfAnother(object: BpfObject): boolean {
    const { cookie } = readNode(this.#settings)
    return (['IPv4', 'IPv6'] as const).some((family) => {
      const value = object.map('node_settings').get(settingsKey(family))
      const held = value?.readBigUInt64LE(structs.settings.at.node) ?? 0n
      return held !== 0n && held !== cookie
    })
  }
}
