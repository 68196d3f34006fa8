import type { RoutingTable } from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import type { Bytes, NodeState } from '../layout/observed-state.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { ConnectionSweep } from './connection-sweep.ts'
import { type NodeListener, NodeWatch } from './node-watch.ts'
import type { NodePins } from './pins.ts'
import { SocketCloser } from './socket-closer.ts'

/** What goes on between two applies: none of it holds one up. */
export class Background {
  readonly node: NodeWatch
  readonly #sweep: ConnectionSweep
  readonly #closer: SocketCloser

  /** @param seen the node as what was applied was made for */
  constructor(
    object: BpfObject,
    settings: EbpfSettings,
    pins: NodePins,
    seen: NodeState,
    listener: NodeListener,
  ) {
    this.node = new NodeWatch(object, settings, pins, seen, listener)
    this.#sweep = new ConnectionSweep(object)
    this.#closer = new SocketCloser(settings, `${pins.maps}/peers`, object.map('members'), (notice) =>
      listener.notice(notice),
    )
  }

  /** @param removed keys of the map `members` */
  applied(table: RoutingTable, removed: readonly Bytes[]): void {
    this.node.tableIs(table)
    if (removed.length === 0) return
    this.#sweep.hurry()
    this.#closer.add(removed)
  }

  stop(): void {
    this.node.stop()
    this.#sweep.stop()
    this.#closer.stop()
  }
}
