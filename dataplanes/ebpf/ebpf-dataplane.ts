import { mkdirSync, rmSync } from 'node:fs'
import {
  ApplyError,
  type ApplyReport,
  type CleanupReport,
  contractVersion,
  type Dataplane,
  type DataplaneOptions,
  type Evaluation,
  type IpFamily,
  type ProbeReport,
  type ProgramSize,
  type RoutingTable,
  type TableChange,
} from '@portolan/core'
import { BpfObject, mountBpfFileSystem, readPrograms } from '@portolan/native/libbpf'
import { applyElements, TableMaps } from './apply.ts'
import { capabilities } from './capabilities.ts'
import { CarryOver } from './carry-over.ts'
import { compile } from './compile.ts'
import { type Held, nothingHeld } from './held.ts'
import { InterfaceWatch } from './interface-watch.ts'
import { allMaps, allPrograms, structs } from './layout.ts'
import { settingsKey } from './node-elements.ts'
import { attachAll, detachInterfaces, findDetached, readNode } from './node-hooks.ts'
import { observe } from './observe.ts'
import {
  linkPin,
  mapDirectory,
  nodeDirectory,
  otherMapDirectories,
  unpinDeadNodes,
  unpinNode,
} from './pins.ts'
import { print } from './print.ts'
import { probe } from './probe.ts'
import { type EbpfProgram, operations } from './program.ts'
import { reconcile } from './reconcile.ts'
import { type EbpfSettings, findCgroupRoot, readSettings } from './settings.ts'
import { trace } from './trace.ts'

/** See native/bpf for what happens to sockets and packets, and apply.ts for how programs reach the maps. */
export class EbpfDataplane implements Dataplane<EbpfProgram, Held> {
  readonly name = 'ebpf'
  readonly contractVersion = contractVersion
  readonly capabilities = capabilities
  readonly #settings: EbpfSettings
  readonly #directory: string
  readonly #maps: string
  #tables: TableMaps | undefined
  #watch: InterfaceWatch | undefined
  /** From maps of another version or size, until the programs are replaced. */
  #carryOver: CarryOver | undefined
  #notices: string[] = []

  /** @throws RangeError for a setting that can't be read */
  constructor(options: DataplaneOptions) {
    this.#settings = readSettings(options)
    this.#directory = nodeDirectory(options.networkNamespace)
    this.#maps = mapDirectory(this.#directory, this.#settings.sizes)
  }

  async probe(): Promise<ProbeReport> {
    return probe(this.#settings)
  }

  async start(): Promise<void> {
    this.#started()
  }

  async observe(family: IpFamily): Promise<Held> {
    const { object } = this.#started()
    const node = readNode(this.#settings)
    const detached = findDetached(object, this.#settings, node, this.#directory, this.#maps)
    return observe(object, family, node, detached)
  }

  /** The kernel doesn't tell who has written to a map, so nothing short of reading it is sure. */
  async undisturbed(): Promise<boolean> {
    return false
  }

  nothingHeld(family: IpFamily): Held {
    return nothingHeld(family)
  }

  /** Endpoints are compared as sets: the table's order means nothing. */
  heldOrder(): undefined {
    return undefined
  }

  compile(change: TableChange): EbpfProgram {
    return compile(change)
  }

  reconcile(held: Held, table: RoutingTable): EbpfProgram {
    return reconcile(held, table, this.#tables?.leftOut[table.family])
  }

  print(program: EbpfProgram): string {
    return print(program)
  }

  measure(program: EbpfProgram): ProgramSize {
    // Of what was found to differ the program says most plainly what it is.
    const findings =
      program.adopt === undefined
        ? []
        : print(program)
            .split('\n')
            .filter((line) => line !== '')
    return { operations: operations(program), findings }
  }

  async apply(program: EbpfProgram): Promise<ApplyReport> {
    const tables = this.#started()
    const { object } = tables
    try {
      const report = applyElements(program, tables, performance.now())
      if (program.attach.length > 0) this.#attach(object)
      this.#watch ??= new InterfaceWatch(object, this.#settings, this.#directory)
      this.#watch.tableIs(program.table)
      const notices = this.#notices.splice(0)
      return { operations: operations(program), ...report, ...(notices.length > 0 ? { notices } : {}) }
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ApplyError(message, { cause })
    }
  }

  trace(_table: RoutingTable, evaluation: Evaluation): readonly string[] {
    return trace(evaluation)
  }

  async stop(): Promise<void> {
    this.#watch?.stop()
    this.#watch = undefined
    this.#tables?.object.close()
    this.#tables = undefined
    this.#carryOver = undefined
  }

  async cleanup(): Promise<CleanupReport> {
    await this.stop()
    unpinDeadNodes()
    const interfaces = detachInterfaces(this.#settings, this.#directory)
    return { removed: [...interfaces, ...unpinNode(this.#directory).map((pin) => `pin ${pin}`)] }
  }

  #attach(object: BpfObject): void {
    const cgroup = this.#settings.cgroup ?? findCgroupRoot()
    if (cgroup === undefined)
      throw new Error('no cgroup2 is mounted; mount it or name one by the setting cgroup')
    mkdirSync(linkPin(this.#directory, ''), { recursive: true, mode: 0o700 })
    attachAll(object, this.#settings, cgroup, this.#directory, this.#maps)
    this.#carryOver?.finish()
    this.#carryOver = undefined
    for (const old of otherMapDirectories(this.#directory, this.#maps)) rmSync(old, { recursive: true })
  }

  /** The programs are loaded only here, so that `explain` and `plan` from a file need neither libbpf nor root. */
  #started(): TableMaps {
    if (this.#tables !== undefined) return this.#tables
    mountBpfFileSystem()
    unpinDeadNodes()
    let object = this.#load()
    const [old] = otherMapDirectories(this.#directory, this.#maps)
    if (old !== undefined) {
      this.#carryOver = new CarryOver(old, object)
      this.#notices = this.#carryOver.begin()
    }
    if (this.#isOfAnother(object)) {
      object.close()
      unpinNode(this.#directory)
      this.#carryOver = undefined
      this.#notices = []
      object = this.#load()
    }
    this.#tables = new TableMaps(object)
    return this.#tables
  }

  #load(): BpfObject {
    return BpfObject.load(readPrograms(), {
      maps: allMaps,
      programs: allPrograms,
      sizes: this.#settings.sizes,
      pinDirectory: this.#maps,
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
