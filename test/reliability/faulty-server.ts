import type { ApiObject, Fault, Kind } from '@portolan/api-server'

/** An API server that can be made to fail, whichever it is. */
export interface FaultyServer extends AsyncDisposable {
  readonly name: 'embedded' | 'kube-apiserver'
  /** At 127.0.0.1. */
  readonly port: number
  /** PEM. */
  readonly certificateAuthority: string
  /** Accepted from clients. */
  readonly token: string
  /** Absent: it is a process of its own, whose answers can't be chosen. */
  readonly answers?: FaultyAnswers
  /** Creates or replaces objects. */
  apply(objects: readonly ApiObject[]): Promise<void>
  remove(kind: Kind, namespace: string | undefined, name: string): Promise<void>
  /** As a crash does, and what it had is there when it is started again. */
  kill(): Promise<void>
  /** Resolves when it answers. */
  start(): Promise<void>
  /** From now on nothing is answered while connections stay open. */
  freeze(): void
  thaw(): void
  /** Forgets the history, so that a watch from an older version gets 410. */
  compact(): Promise<void>
  /** Keeps what it has now, for {@link restore}. */
  backUp(): Promise<void>
  /** Goes back to the backup, as etcd restored from it does. */
  restore(): Promise<void>
}

/** Faults of single answers. */
export interface FaultyAnswers {
  /** Every further request of these kinds is answered so, until {@link heal}. */
  break(fault: Fault, ...kinds: readonly Kind[]): void
  heal(): void
  /** Ends all watches with an ERROR event, or with a line that is none. */
  failWatches(how: number | 'garbage'): void
  resetConnections(): void
}

/** What a proxy lists and watches. */
export const watchedKinds: readonly Kind[] = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR']
