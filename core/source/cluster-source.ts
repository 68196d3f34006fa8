import type { ClusterRecord, ObjectProblem, RecordKind, Unserved } from '../cluster/records.ts'

/** Where cluster state comes from: an API server, a file, a recording. */
export interface ClusterSource {
  /** For the log: `https://10.0.0.1:6443`, `file cluster.yaml`. */
  readonly description: string
  /**
   * Starts delivering to the sink and returns at once; it goes on, and retries for ever, until `stop`.
   * Throws only for what no retry can fix (a file that isn't there at the start, a broken kubeconfig).
   */
  start(sink: ClusterSink): Promise<void>
  stop(): Promise<void>
  /** Other requests to the API server that it reads from; absent: there is none. To be used after `start`. */
  readonly api?: ApiRequests
  /** How far each kind of object has been read; absent: the source has no versions. */
  readonly progress?: readonly SourceProgress[]
}

/** Requests to an API server beside what is listed and watched, by the same connection. */
export interface ApiRequests {
  /** Throws when no answer came. A refusal is an answer. */
  ask(request: ApiQuestion, signal: AbortSignal): Promise<ApiReply>
}

export interface ApiQuestion {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: { readonly contentType: string; readonly text: string }
}

export interface ApiReply {
  readonly status: number
  /** JSON; `undefined` for anything else. */
  readonly body: unknown
  /** What the server says of a refusal, for a person. */
  readonly message: string
  readonly retryAfterMs: number | undefined
}

/** How far a kind of object has been read and delivered. */
export interface SourceProgress {
  /** `services`, as RBAC names it. */
  readonly resource: string
  /** Of the last list, event or bookmark. */
  readonly resourceVersion: string
  /** When that came, by `performance.now()`. */
  readonly at: number
}

/**
 * Takes what a source delivers. Records arrive parsed; an object that could not be parsed arrives as a problem, and as
 * a `remove` when it was known before it broke beyond use.
 */
export interface ClusterSink {
  /** A record that is new or changed. `receivedAt`: when its first byte arrived, by `performance.now()`. */
  set(record: ClusterRecord, receivedAt: number): void
  /** The object is gone, or no longer ours. Unknown keys are allowed. */
  remove(kind: RecordKind, key: string, receivedAt: number): void
  /**
   * The complete current list of this kind has been delivered for the first time. Nothing is programmed before all
   * kinds have been (SEMANTICS 1). A later list is delivered as the `set`s and `remove`s that it amounts to.
   */
  synced(kind: RecordKind): void
  /**
   * Whether this kind can be read at all: it may not be served, or not be permitted. Told before `synced`, and again when
   * that has changed. Until told, it can.
   */
  readable?(kind: RecordKind, readable: boolean): void
  /**
   * Reading this kind fails with this code of an error, again and again maybe; absent: it works again.
   *
   * @param refusal what a server says that doesn't let this user read it; absent: that isn't why
   */
  failing?(kind: RecordKind, code: string | undefined, refusal?: string): void
  problem(problem: ObjectProblem): void
  /** A valid object that isn't ours, as it is delivered; for who explains what isn't there. */
  unserved?(object: Unserved): void
}
