import { rmSync } from 'node:fs'
import { ipFamilies } from '@portolan/core'
import { BpfObject, lockBpfFileSystem, makePinDirectory } from '@portolan/native/libbpf'
import { allMaps } from '../layout/maps.ts'
import { settingsKey } from '../layout/node-elements.ts'
import { allPrograms } from '../layout/programs.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { structs } from '../layout/structures.ts'
import { CarryOver } from './carry-over.ts'
import { attachAll, socketCgroup } from './node-hooks.ts'
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
import { readNode } from './read-node.ts'

export interface InstallationOptions {
  readonly settings: EbpfSettings
  /** The compiled programs, whose maps are those of ../layout. */
  readPrograms(): Buffer
  notify(notice: string): void
}

/**
 * The programs and maps of one node: loaded, filled from those of another version, attached. What is pinned is used, and
 * left as it is until {@link attach}.
 */
export class Installation {
  readonly directory: string
  readonly #settings: EbpfSettings
  readonly #readPrograms: () => Buffer
  readonly #notify: (notice: string) => void
  #pins: NodePins | undefined
  /** From maps of another version or size, until the programs are replaced. */
  #carryOver: CarryOver | undefined
  /** What an upgrade could not take over: told once programs use the new maps. */
  #lost: readonly string[] = []
  /** What is pinned is of a network namespace that had this one's name before. */
  #replacesAnother = false

  constructor({ settings, readPrograms, notify }: InstallationOptions) {
    this.directory = nodeDirectory(settings.networkNamespace)
    this.#settings = settings
    this.#readPrograms = readPrograms
    this.#notify = notify
  }

  /** Reads the programs, so not before they are needed. */
  get pins(): NodePins {
    this.#pins ??= nodePins(this.#settings.networkNamespace, this.#settings.sizes, this.#readPrograms)
    return this.#pins
  }

  /** The programs with their maps: those that are pinned, or new ones. */
  async load(): Promise<BpfObject> {
    const object = await this.#load(this.pins.maps)
    const [old] = otherMapDirectories(this.pins)
    if (old !== undefined) {
      this.#carryOver = new CarryOver(old, object)
      // Maps that are pinned have it all already, and programs may be using them: a process ended before it removed the
      // old ones.
      if (!areMapsPinned(this.pins)) this.#lost = this.#carryOver.begin()
    }
    if (!this.#isOfAnother(object)) return object
    object.close()
    this.#replacesAnother = true
    this.#carryOver = undefined
    this.#lost = []
    return await this.#load()
  }

  /** From here on what this process has loaded outlives it. */
  async attach(object: BpfObject): Promise<void> {
    const cgroup = socketCgroup(this.#settings)
    if (cgroup === undefined)
      throw new Error('no cgroup2 is mounted; mount it or name one by --dataplane-option cgroup=PATH')
    const lock = await lockBpfFileSystem(true)
    try {
      unpinDeadNodes()
      if (this.#replacesAnother) unpinNode(this.directory)
      this.#replacesAnother = false
      makePinDirectory(linkPin(this.directory, ''))
      if (areMapsPinned(this.pins)) this.#carryOver?.follow()
      else this.#carryOver?.renew()
      for (const notice of attachAll(object, this.#settings, cgroup, this.pins)) this.#notify(notice)
    } finally {
      lock.release()
    }
  }

  /** Once programs use the new maps: those of another version go, and what they had that these can't have is told. */
  leaveOldMaps(): void {
    if (this.#carryOver === undefined) return
    this.#carryOver.follow()
    this.#carryOver = undefined
    for (const old of otherMapDirectories(this.pins)) rmSync(old, { recursive: true })
    for (const notice of this.#lost) this.#notify(notice)
    this.#lost = []
  }

  close(): void {
    this.#carryOver = undefined
    this.#lost = []
  }

  #load(pinDirectory?: string): Promise<BpfObject> {
    return BpfObject.load(this.#readPrograms(), {
      maps: allMaps,
      programs: allPrograms,
      sizes: this.#settings.sizes,
      ...(pinDirectory === undefined ? {} : { pinDirectory }),
    })
  }

  /** Whether the pinned maps are of a network namespace that had the same name before. */
  #isOfAnother(object: BpfObject): boolean {
    const { cookie } = readNode(this.#settings)
    return ipFamilies.some((family) => {
      const value = object.map('node_settings').get(settingsKey(family))
      const recorded = value?.readBigUInt64LE(structs.settings.at.node) ?? 0n
      return recorded !== 0n && recorded !== cookie
    })
  }
}
