import type { RoutingTable } from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import { ConnectionSweep } from './connection-sweep.ts'
import type { Bytes } from './held.ts'
import { InterfaceWatch } from './interface-watch.ts'
import type { NodePins } from './pins.ts'
import type { EbpfSettings } from './settings.ts'
import { SocketCloser } from './socket-closer.ts'

/** What goes on between two applies: none of it holds one up. */
export class Background {
  readonly #interfaces: InterfaceWatch
  readonly #sweep: ConnectionSweep
  readonly #closer: SocketCloser

  /** @param tell called with what an operator should know */
  constructor(object: BpfObject, settings: EbpfSettings, pins: NodePins, tell: (notice: string) => void) {
    this.#interfaces = new InterfaceWatch(object, settings, pins, tell)
    this.#sweep = new ConnectionSweep(object)
    this.#closer = new SocketCloser(settings, `${pins.maps}/peers`, object.map('members'), tell)
  }

  /** @param removed keys of the map `members` */
  applied(table: RoutingTable, removed: readonly Bytes[]): void {
    this.#interfaces.tableIs(table)
    if (removed.length === 0) return
    this.#sweep.hurry()
    this.#closer.add(removed)
  }

  stop(): void {
    this.#interfaces.stop()
    this.#sweep.stop()
    this.#closer.stop()
  }
}
