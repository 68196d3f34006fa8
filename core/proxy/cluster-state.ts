import type { ProblemLog } from '../cluster/problem-log.ts'
import { type ClusterRecord, type ObjectProblem, type RecordKind, recordKinds } from '../cluster/records.ts'
import { familyOf } from '../network/address.ts'
import type { ClusterSink } from '../source/cluster-source.ts'
import type { TableBuilder } from '../table/builder/table-builder.ts'

export interface ClusterStateOptions {
  /** One for each family that the node has. */
  readonly builders: readonly TableBuilder[]
  /** Takes what the source reports. Default: nothing does. */
  readonly problems?: ProblemLog
  /** The kinds that must have been listed before anything is programmed. Default: all of them. */
  readonly kinds?: readonly RecordKind[]
  /** A builder's table may change at its next `drain`. `receivedAt` as the source gave it. */
  readonly onChange?: (builder: TableBuilder, receivedAt: number) => void
  /** Once, when all kinds have been listed. */
  readonly onSynced?: () => void
}

/** Takes what a source delivers to the tables of both families. */
export class ClusterState implements ClusterSink {
  readonly #builders: readonly TableBuilder[]
  readonly #options: ClusterStateOptions
  readonly #awaited: Set<RecordKind>
  readonly #eventCounts: Record<RecordKind, number> = {
    Service: 0,
    EndpointSlice: 0,
    Node: 0,
    ServiceCIDR: 0,
  }

  constructor(options: ClusterStateOptions) {
    this.#options = options
    this.#builders = options.builders
    this.#awaited = new Set(options.kinds ?? recordKinds)
  }

  /** Whether all kinds have been listed, so that a table may be programmed (SEMANTICS 1). */
  get isSynced(): boolean {
    return this.#awaited.size === 0
  }

  /** Kinds whose list is still awaited. */
  get awaited(): readonly RecordKind[] {
    return [...this.#awaited]
  }

  /** Records that came, and those that went. */
  get eventCounts(): Readonly<Record<RecordKind, number>> {
    return this.#eventCounts
  }

  set(record: ClusterRecord, receivedAt: number): void {
    this.#eventCounts[record.kind]++
    this.#each(receivedAt, (builder) => setRecord(builder, record))
  }

  remove(kind: RecordKind, key: string, receivedAt: number): void {
    this.#eventCounts[kind]++
    this.#each(receivedAt, (builder) => removeRecord(builder, kind, key))
  }

  /** Nodes, Services and their slices have to be readable; a source waits for them. */
  readable(kind: RecordKind, readable: boolean): void {
    if (kind !== 'ServiceCIDR') return
    this.#each(performance.now(), (builder) => builder.setServiceCidrsReadable(readable))
  }

  synced(kind: RecordKind): void {
    if (this.#awaited.delete(kind) && this.#awaited.size === 0) this.#options.onSynced?.()
  }

  problem(problem: ObjectProblem): void {
    this.#options.problems?.report(problem)
  }

  #each(receivedAt: number, act: (builder: TableBuilder) => void): void {
    for (const builder of this.#builders) {
      act(builder)
      if (builder.isPending) this.#options.onChange?.(builder, receivedAt)
    }
  }
}

function setRecord(builder: TableBuilder, record: ClusterRecord): void {
  switch (record.kind) {
    case 'Service':
      // A Service without an address in this family doesn't exist in it.
      if (record.clusterIPs.some((address) => familyOf(address) === builder.family))
        builder.setService(record)
      else builder.removeService(record.key)
      return
    case 'EndpointSlice':
      builder.setSlice(record)
      return
    case 'Node':
      builder.setNode(record)
      return
    case 'ServiceCIDR':
      builder.setServiceCidr(record)
  }
}

function removeRecord(builder: TableBuilder, kind: RecordKind, key: string): void {
  switch (kind) {
    case 'Service':
      builder.removeService(key)
      return
    case 'EndpointSlice':
      builder.removeSlice(key)
      return
    case 'Node':
      builder.removeNode(key)
      return
    case 'ServiceCIDR':
      builder.removeServiceCidr(key)
  }
}
