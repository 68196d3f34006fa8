import type { IpFamily, RoutingTable } from '@portolan/core'
import { RouteEvents } from '@portolan/native'
import type { BpfObject } from '@portolan/native/libbpf'
import type { MapName } from '../layout/maps.ts'
import { deviceElements, namespaceElements } from '../layout/node-elements.ts'
import { type Bytes, bufferOf, type NodeState } from '../layout/observed-state.ts'
import { defaultRoute, type EbpfSettings } from '../layout/settings.ts'
import { changesOf } from './node-changes.ts'
import { attachToInterfaces } from './node-hooks.ts'
import type { NodePins } from './pins.ts'
import { readNode } from './read-node.ts'

/** For what no event tells (namespaces that are files), and for one whose signal was lost; in milliseconds. */
const lookPeriod = 250

/** After a look, the next one waits so many times as long as it took, and so many milliseconds at least. */
const [minShare, minPause] = [2, 2]

export interface NodeListener {
  /** What an operator should know. */
  notice(notice: string): void
  /** What the node did, and was followed in. */
  changed(what: string): void
}

/**
 * Follows the node as its interfaces, their addresses and its pods' namespaces come, change and go: by the kernel's events,
 * so that a pod's first packet finds the programs, and apart from the comparison of the whole, which is for what others do
 * to us. Only what differs from the node of before is written: an element that others have overwritten stays as it is, and
 * the comparison finds it.
 */
export class NodeWatch {
  readonly #object: BpfObject
  readonly #settings: EbpfSettings
  readonly #pins: NodePins
  readonly #tables = new Map<IpFamily, RoutingTable>()
  readonly #listener: NodeListener
  readonly #events: RouteEvents
  readonly #timer: NodeJS.Timeout
  #soon: NodeJS.Timeout | undefined
  #seen: NodeState
  /** Events were taken, and what they told of is not followed yet: the last attempt failed, or waits. */
  #due = false
  #pauseUntil = 0

  /** @param seen the node as what the maps and hooks hold was made for; it may have changed since */
  constructor(
    object: BpfObject,
    settings: EbpfSettings,
    pins: NodePins,
    seen: NodeState,
    listener: NodeListener,
  ) {
    this.#object = object
    this.#settings = settings
    this.#pins = pins
    this.#listener = listener
    const { networkNamespace, interfaces } = settings
    this.#events = new RouteEvents(
      {
        ...(networkNamespace === undefined ? {} : { networkNamespace }),
        routes: interfaces.includes(defaultRoute),
      },
      () => this.#hear(),
    )
    this.#seen = seen
    this.#due = true
    this.#timer = setInterval(() => this.#look(), lookPeriod)
    this.#timer.unref()
  }

  /** The node as it was last seen. */
  get node(): NodeState {
    return this.#seen
  }

  /** What holds now: it says whose interface is a pod's. */
  tableIs(table: RoutingTable): void {
    this.#tables.set(table.family, table)
  }

  /**
   * Follows at once in whatever has happened until now, so that none of it looks like drift.
   *
   * @returns whether there was anything
   */
  catchUp(): boolean {
    const heard = this.#takeEvents()
    return (heard || this.#settings.podNamespaces !== undefined) && this.#follow()
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#events.close()
  }

  /** Comes for every event, and for those of other sockets. */
  #hear(): void {
    if (!this.#takeEvents() || this.#soon !== undefined) return
    const pause = Math.max(0, this.#pauseUntil - performance.now())
    this.#soon = setTimeout(() => {
      this.#soon = undefined
      if (this.#takeEvents()) this.#follow()
    }, pause)
    this.#soon.unref()
  }

  #look(): void {
    if (this.#takeEvents() || this.#settings.podNamespaces !== undefined) this.#follow()
  }

  #takeEvents(): boolean {
    try {
      if (this.#events.take()) this.#due = true
    } catch {
      this.#due = true
    }
    return this.#due
  }

  /** What fails is tried again, and left to the comparison of the whole: that tells. */
  #follow(): boolean {
    const begun = performance.now()
    try {
      const node = readNode(this.#settings)
      const changes = changesOf(this.#seen, node)
      if (changes.interfaces.size + changes.gone.length > 0 || changes.namespaces) {
        for (const table of this.#tables.values()) {
          this.#write('devices', deviceElements(table, this.#seen), deviceElements(table, node))
        }
        this.#write('namespaces', withoutValue(this.#seen), withoutValue(node))
        for (const notice of attachToInterfaces(
          this.#object,
          this.#settings,
          node,
          this.#pins,
          changes.interfaces,
        ))
          this.#listener.notice(notice)
      }
      this.#due = false
      this.#seen = node
      for (const what of changes.said) this.#listener.changed(what)
      return changes.said.length > 0
    } catch {
      return false
    } finally {
      const ended = performance.now()
      this.#pauseUntil = ended + Math.max(minPause, minShare * (ended - begun))
    }
  }

  #write(name: MapName, before: ReadonlyMap<Bytes, Bytes>, after: ReadonlyMap<Bytes, Bytes>): void {
    const map = this.#object.map(name)
    for (const [key, value] of after) if (before.get(key) !== value) map.set(bufferOf(key), bufferOf(value))
    for (const key of before.keys()) if (!after.has(key)) map.delete(bufferOf(key))
  }
}

/** Elements of the map of namespaces, whose values mean nothing. */
function withoutValue(node: NodeState): Map<Bytes, Bytes> {
  return new Map([...namespaceElements(node)].map((key) => [key, '\0']))
}
