import type { ClusterRecord, NodeRecord, ObjectProblem, RecordKind, Unserved } from '../cluster/records.ts'
import type { ClusterSink } from '../source/cluster-source.ts'

export interface SourceFailure {
  /** As in the log's line. */
  readonly code: string
  /** By `performance.now()`. */
  readonly since: number
}

/** `undefined`: it is gone. */
type OwnNodeListener = (node: NodeRecord | undefined) => void

/** Passes on all that a source delivers, and remembers what of it tells about this node and the source themselves. */
export class SourceStatus implements ClusterSink {
  readonly #nodeName: string
  readonly #sink: ClusterSink
  readonly #onOwnNode: OwnNodeListener
  readonly #unreadable = new Set<RecordKind>()
  readonly #failures = new Map<RecordKind, SourceFailure>()
  #ownNode: NodeRecord | undefined

  /** @param onOwnNode told of this node's Node object whenever it comes, changes or goes */
  constructor(nodeName: string, sink: ClusterSink, onOwnNode: OwnNodeListener = () => {}) {
    this.#nodeName = nodeName
    this.#sink = sink
    this.#onOwnNode = onOwnNode
  }

  /** This node's Node object; `undefined`: there is none, or it hasn't been read yet. */
  get ownNode(): NodeRecord | undefined {
    return this.#ownNode
  }

  /** Kinds that are not served or not permitted, which the node goes on without. */
  get unreadable(): ReadonlySet<RecordKind> {
    return this.#unreadable
  }

  /** Kinds that can't be read at the moment, while what was read of them stays. */
  get failures(): ReadonlyMap<RecordKind, SourceFailure> {
    return this.#failures
  }

  set(record: ClusterRecord, receivedAt: number): void {
    if (record.kind === 'Node' && record.key === this.#nodeName) this.#see(record)
    this.#sink.set(record, receivedAt)
  }

  remove(kind: RecordKind, key: string, receivedAt: number): void {
    if (kind === 'Node' && key === this.#nodeName) this.#see(undefined)
    this.#sink.remove(kind, key, receivedAt)
  }

  synced(kind: RecordKind): void {
    this.#sink.synced(kind)
  }

  readable(kind: RecordKind, readable: boolean): void {
    if (readable) this.#unreadable.delete(kind)
    else this.#unreadable.add(kind)
    this.#sink.readable?.(kind, readable)
  }

  failing(kind: RecordKind, code: string | undefined): void {
    if (code === undefined) this.#failures.delete(kind)
    else this.#failures.set(kind, { code, since: this.#failures.get(kind)?.since ?? performance.now() })
  }

  problem(problem: ObjectProblem): void {
    this.#sink.problem(problem)
  }

  unserved(object: Unserved): void {
    this.#sink.unserved?.(object)
  }

  #see(node: NodeRecord | undefined): void {
    this.#ownNode = node
    this.#onOwnNode(node)
  }
}
