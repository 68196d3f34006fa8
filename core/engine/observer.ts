import type { ApplyResult, ForgottenFlows } from '../dataplane/contract.ts'
import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import type { IpFamily } from '../network/address.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import type { RouteChange } from '../table/table-change.ts'

/**
 * Told what the engine did: logs, metrics, health, tests. Every method is optional, and one that is absent costs
 * nothing. Called between applies, so it should be quick; what it throws is its own loss and doesn't stop a sync.
 */
export interface EngineObserver {
  /**
   * An event may have changed this family's table, the first since an apply last took in what there was: an apply is due.
   */
  onPending?(family: IpFamily): void
  /** What was pending asks nothing of the kernel: it came to what is applied already. */
  onUnchanged?(family: IpFamily): void
  onApplied?(applied: Applied): void
  onFailed?(failed: Failed): void
  /** The kernel didn't hold what it should; `onApplied` follows when it is repaired. */
  onDrift?(drift: Drift): void
  /** The node has changed in its ordinary life, and the dataplane has followed: no drift. */
  onNodeChange?(what: string): void
  /** What the dataplane reads back differs from what it has just written. Audits of the family become rare. */
  onDisagreement?(drift: Drift): void
  /** A pass through the flows of UDP has ended: those that led to a server which is gone are forgotten. */
  onFlowsForgotten?(forgotten: FlowsForgotten): void
  /** Such a pass has failed, and is tried again. */
  onFlowsFailed?(failed: FlowsFailed): void
  /** A method of the dataplane broke the contract in a way that fails no call; once for each message. */
  onFault?(fault: DataplaneError): void
}

/** `start`: the first, from what the kernel held; `retry`: after a failure; `repair`: after drift. */
export type ApplyReason = 'start' | 'change' | 'retry' | 'repair'

export interface Applied {
  readonly family: IpFamily
  readonly why: ApplyReason
  /** As it is applied now; it changes in place when the next apply begins. */
  readonly table: RoutingTable
  /** The routes that changed; after anything but `change`, against what was last known to be applied. */
  readonly routes: readonly RouteChange[]
  /** Addresses and ranges that came into or went out of the table's sets. */
  readonly setElements: number
  readonly report: ApplyResult
  readonly timings: ApplyTimings
  /** When the causes happened, by the cluster's clock (milliseconds since the epoch). */
  readonly triggerTimes: readonly number[]
  /** All routes of the table now. */
  readonly totalRoutes: number
}

/** By `Timing.now()`, in milliseconds. */
export interface ApplyTimings {
  /** When the first byte of the oldest event in it arrived; absent where it is unknown. */
  readonly received?: number
  /** When the table had first been told of one of its events; absent when it began for another reason. */
  readonly tableChanged?: number
  /** When work on it began: after waiting for an earlier apply, minSyncPeriod or a back-off. */
  readonly begun: number
  /** When the difference of the tables was known. */
  readonly computed: number
  readonly compiled: number
  readonly applied: number
}

export interface Failed {
  readonly family: IpFamily
  /** What it would have been; `repair`: an audit failed, whatever it would have found. */
  readonly why: ApplyReason
  readonly error: unknown
  /** Milliseconds from its beginning to its failure. */
  readonly took: number
  /** In a row, this one included. */
  readonly failures: number
  /** Milliseconds until the next attempt. */
  readonly retryIn: number
}

export interface Drift {
  readonly family: IpFamily
  /** Kernel operations that the repair takes. */
  readonly operations: number
  /** What differs, a line for each object of the mechanism. */
  readonly findings: readonly string[]
}

export interface FlowsForgotten extends ForgottenFlows {
  readonly family: IpFamily
  /** Milliseconds, most of which others may have had the CPU. */
  readonly took: number
}

export type FlowsFailed = Omit<Failed, 'why'>
