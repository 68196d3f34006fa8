/** How far a family's kernel state is behind its table. Times by `Timing.now()`, in milliseconds. */
export interface SyncProgress {
  /** When the last event came that may have changed the table; absent: none has. */
  readonly notifiedAt?: number
  /** When the kernel last held all that the table said; absent: not since the start. */
  readonly inSyncAt?: number
  /**
   * When the oldest event came that the kernel isn't known to hold, or when that became doubtful: an apply that is under
   * way, waits or fails. Absent: there is none, or the cluster's state isn't complete yet.
   */
  readonly unappliedSince?: number
  /** Why the last attempt failed; absent: it didn't. */
  readonly failure?: { readonly error: unknown; readonly inARow: number }
}
