import type { IpFamily, RoutingTable } from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import { bufferOf } from './held.ts'
import { deviceElements } from './node-elements.ts'
import { attachToInterfaces, readNode } from './node-hooks.ts'
import type { NodePins } from './pins.ts'
import type { EbpfSettings } from './settings.ts'

/** A pod's interface is there this long before its programs are, at most. */
const everyMilliseconds = 250

/**
 * Follows the node's interfaces as they come and change, between two comparisons of the whole. What fails is left to
 * those: they tell.
 */
export class InterfaceWatch {
  readonly #object: BpfObject
  readonly #settings: EbpfSettings
  readonly #pins: NodePins
  readonly #tables = new Map<IpFamily, RoutingTable>()
  readonly #tell: (notice: string) => void
  readonly #timer: NodeJS.Timeout
  #seen: string

  /**
   * Interfaces as they are now have been seen to already.
   *
   * @param tell called with what an operator should know
   */
  constructor(object: BpfObject, settings: EbpfSettings, pins: NodePins, tell: (notice: string) => void) {
    this.#object = object
    this.#settings = settings
    this.#pins = pins
    this.#tell = tell
    this.#seen = JSON.stringify(readNode(settings).interfaces)
    this.#timer = setInterval(() => this.#look(), everyMilliseconds)
    this.#timer.unref()
  }

  /** What holds now: it says whose interface is a pod's. */
  tableIs(table: RoutingTable): void {
    this.#tables.set(table.family, table)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    try {
      const node = readNode(this.#settings)
      const now = JSON.stringify(node.interfaces)
      if (now === this.#seen) return
      for (const table of this.#tables.values()) {
        for (const [key, value] of deviceElements(table, node))
          this.#object.map('devices').set(bufferOf(key), bufferOf(value))
      }
      const notices = attachToInterfaces(this.#object, this.#settings, node, this.#pins)
      this.#seen = now
      for (const notice of notices) this.#tell(notice)
    } catch {
      // An interface that went away in the middle is looked at again; anything else the next comparison meets as well.
    }
  }
}
