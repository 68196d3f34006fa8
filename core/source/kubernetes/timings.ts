/** How long the Kubernetes source waits for what. All in milliseconds but `watchSeconds`. */
export interface Timings {
  /** A connection that has been quiet for this long is asked for a sign of life. */
  readonly heartbeatIntervalMs: number
  /** No sign of life within this: another connection is tried beside this one. */
  readonly heartbeatTimeoutMs: number
  /** Name resolution, TCP and TLS together. */
  readonly connectTimeoutMs: number
  /** TCP alone. */
  readonly tcpTimeoutMs: number
  /**
   * While the server is away, how often it is looked whether it listens: a TCP connection, and TLS where that succeeds,
   * but no request. The first look's delay is drawn from this range.
   */
  readonly lookMs: number
  /** How long a silent connection has to speak after all, once there is another one. */
  readonly handoverMs: number
  /** From a request to its response's headers, and between two pieces of a list. */
  readonly responseTimeoutMs: number
  /** `timeoutSeconds` of a watch is drawn between this and twice this, so that nodes don't come back together. */
  readonly watchSeconds: number
  /** A watch that the server doesn't end this long after its `timeoutSeconds` is ended here. */
  readonly watchGraceMs: number
  readonly retryMinMs: number
  readonly retryMaxMs: number
  /** The longest Retry-After that is honoured. */
  readonly retryAfterMaxMs: number
  /**
   * A list that all nodes are likely to need at the same time (410, restored etcd) is delayed by up to this for each
   * object that is known, at most by `relistSpreadMaxMs`.
   */
  readonly relistSpreadMs: number
  readonly relistSpreadMaxMs: number
  /** An attempt or a connection that held this long makes the next retry start from `retryMinMs` again. */
  readonly stableAfterMs: number
  /** How often an optional resource that isn't served is looked for. */
  readonly absentRetryMs: number
  /** How often token and certificate are read again. */
  readonly credentialCheckMs: number
  /** The same failure of the same resource is logged once in this time, with a count. */
  readonly repeatLogMs: number
}

/** A frozen server is noticed within two heartbeat intervals and a timeout: 6 seconds. */
export const defaultTimings: Timings = {
  heartbeatIntervalMs: 2_000,
  heartbeatTimeoutMs: 2_000,
  connectTimeoutMs: 10_000,
  tcpTimeoutMs: 1_400,
  lookMs: 1_400,
  handoverMs: 300,
  responseTimeoutMs: 30_000,
  watchSeconds: 300,
  watchGraceMs: 15_000,
  retryMinMs: 200,
  retryMaxMs: 30_000,
  retryAfterMaxMs: 60_000,
  relistSpreadMs: 0.1,
  relistSpreadMaxMs: 30_000,
  stableAfterMs: 10_000,
  absentRetryMs: 300_000,
  credentialCheckMs: 30_000,
  repeatLogMs: 30_000,
}
