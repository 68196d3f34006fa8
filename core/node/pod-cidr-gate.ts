import type { ClusterRecord, NodeRecord, ObjectProblem, RecordKind } from '../cluster/records.ts'
import type { ClusterSink } from '../source/cluster-source.ts'
import type { Cidr } from '../table/address.ts'

export interface PodCidrGateOptions {
  readonly nodeName: string
  /** The Node's pod ranges are known: gives the sink that everything goes to from now on. */
  readonly open: (podCidrs: readonly Cidr[]) => ClusterSink
  /** They became others. What was programmed by the old ones can't be mended in a running process (SEMANTICS 9). */
  readonly changed: (before: readonly Cidr[], after: readonly Cidr[]) => void
}

type Event =
  | { readonly record: ClusterRecord; readonly receivedAt: number }
  | { readonly removed: { readonly kind: RecordKind; readonly key: string }; readonly receivedAt: number }

/**
 * Holds everything back until this node's `spec.podCIDRs` are known, because in mode NodeCIDR no verdict can be told
 * before. What is held is the newest version of each object, so however long it takes, no more than the cluster.
 */
export class PodCidrGate implements ClusterSink {
  readonly #options: PodCidrGateOptions
  readonly #held = new Map<string, Event>()
  readonly #synced: RecordKind[] = []
  readonly #problems: ObjectProblem[] = []
  #podCidrs: readonly Cidr[] = []
  #sink: ClusterSink | undefined

  constructor(options: PodCidrGateOptions) {
    this.#options = options
  }

  set(record: ClusterRecord, receivedAt: number): void {
    if (record.kind === 'Node' && record.key === this.#options.nodeName) this.#see(record)
    if (this.#sink !== undefined) this.#sink.set(record, receivedAt)
    else this.#held.set(`${record.kind} ${record.key}`, { record, receivedAt })
    this.#open()
  }

  remove(kind: RecordKind, key: string, receivedAt: number): void {
    if (this.#sink !== undefined) this.#sink.remove(kind, key, receivedAt)
    else this.#held.set(`${kind} ${key}`, { removed: { kind, key }, receivedAt })
  }

  synced(kind: RecordKind): void {
    if (this.#sink !== undefined) this.#sink.synced(kind)
    else this.#synced.push(kind)
  }

  problem(problem: ObjectProblem): void {
    if (this.#sink !== undefined) this.#sink.problem(problem)
    else this.#problems.push(problem)
  }

  /** A Node that loses its ranges is as good as gone; only other ranges are a change. */
  #see({ podCidrs }: NodeRecord): void {
    const before = this.#podCidrs
    if (podCidrs.length === 0) return
    this.#podCidrs = podCidrs
    if (before.length > 0 && before.join() !== podCidrs.join()) this.#options.changed(before, podCidrs)
  }

  #open(): void {
    if (this.#sink !== undefined || this.#podCidrs.length === 0) return
    const sink = this.#options.open(this.#podCidrs)
    this.#sink = sink
    for (const problem of this.#problems) sink.problem(problem)
    for (const event of this.#held.values()) {
      if ('record' in event) sink.set(event.record, event.receivedAt)
      else sink.remove(event.removed.kind, event.removed.key, event.receivedAt)
    }
    for (const kind of this.#synced) sink.synced(kind)
    this.#held.clear()
  }
}
