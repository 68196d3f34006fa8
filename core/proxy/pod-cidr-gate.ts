import type { ClusterRecord, NodeRecord, ObjectProblem, RecordKind } from '../cluster/records.ts'
import type { Cidr } from '../network/address.ts'
import type { ClusterSink } from '../source/cluster-source.ts'

export interface PodCidrGateOptions {
  readonly nodeName: string
  /** The Node's pod ranges are known: gives the sink that everything goes to from now on. */
  readonly open: (podCidrs: readonly Cidr[]) => ClusterSink
  /** They became others. What was programmed by the old ones can't be fixed in a running process (SEMANTICS 9). */
  readonly changed: (before: readonly Cidr[], after: readonly Cidr[]) => void
}

/** Problems that wait for the sink: as many as a log is read for; those beyond come again with the next list. */
const maxProblems = 1000

interface HeldRecord {
  readonly record: ClusterRecord
  readonly receivedAt: number
}

/**
 * Holds everything back until this node's `spec.podCIDRs` are known, because in mode NodeCIDR no verdict can be told
 * before. What is held is the newest version of each object that exists, so however long it takes, no more than the
 * cluster: an object that goes is forgotten, for the sink that opens later has never known it.
 */
export class PodCidrGate implements ClusterSink {
  readonly #options: PodCidrGateOptions
  readonly #held = new Map<string, HeldRecord>()
  readonly #synced: RecordKind[] = []
  readonly #readable = new Map<RecordKind, boolean>()
  /** By what they say: a source that lists again, or an object that keeps changing, says the same again and again. */
  readonly #problems = new Map<string, ObjectProblem>()
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
    else this.#held.delete(`${kind} ${key}`)
  }

  synced(kind: RecordKind): void {
    if (this.#sink !== undefined) this.#sink.synced(kind)
    else this.#synced.push(kind)
  }

  readable(kind: RecordKind, readable: boolean): void {
    if (this.#sink !== undefined) this.#sink.readable?.(kind, readable)
    else this.#readable.set(kind, readable)
  }

  problem(problem: ObjectProblem): void {
    if (this.#sink !== undefined) {
      this.#sink.problem(problem)
      return
    }
    const { kind, object, field, value, fix } = problem
    if (this.#problems.size < maxProblems)
      this.#problems.set([kind, object, field, value, fix].join('|'), problem)
  }

  /** How many objects and problems are held; for tests against leaks. */
  get held(): { readonly objects: number; readonly problems: number } {
    return { objects: this.#held.size, problems: this.#problems.size }
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
    for (const problem of this.#problems.values()) sink.problem(problem)
    for (const { record, receivedAt } of this.#held.values()) sink.set(record, receivedAt)
    for (const [kind, readable] of this.#readable) sink.readable?.(kind, readable)
    for (const kind of this.#synced) sink.synced(kind)
    this.#held.clear()
    this.#problems.clear()
  }
}
