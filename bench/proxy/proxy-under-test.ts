import type { Host } from '@portolan/lab'
import type { ApiServerAddress } from '../cluster/api-server.ts'
import type { ProcessUsage } from '../measure/process-usage.ts'
import type { ObservedCosts } from './alternating-observer.ts'
import type { AppliedEvents } from './event-trace.ts'

/**
 * Something that programs a node's Services: our process with one dataplane, or another program altogether. Whatever
 * needs no more than this is measured of any of them alike.
 */
export interface ProxyUnderTest {
  /** Starts it on the node, against the API server; resolves when the process runs. May be started again after a stop. */
  start(node: Host, apiServer: ApiServerAddress): Promise<void>
  /** What it and its children have used since the start. */
  usage(): Promise<ProcessUsage>
  /** Ends it. @param rules whether what it did to the node stays, as at a restart, or goes */
  stop(rules: 'stay' | 'go'): Promise<void>
  /** Rejects when it ends by itself while it is needed, or goes on failing; never resolves. */
  readonly ended: Promise<never>
  /** What it tells of itself; absent: it is only known from outside. */
  readonly internals?: ProxyInternals
}

export interface ProxyInternals {
  /** Process id, for what only /proc knows. */
  readonly pid: number
  /** Resolves when the kernel first holds what the cluster asks. */
  started(): Promise<StartReport>
  /** Every change that was applied since the last call, oldest first. */
  takeApplied(): readonly AppliedEvents[]
  /** Resolves when all of the next `count` events, after the last call, are in the kernel. */
  eventsApplied(count: number): Promise<void>
  /** Bytes of the heap in use, after a garbage collection. */
  heapBytes(): Promise<number>
  /** Delays of its event loop since the last call, as milliseconds at each of 100 quantiles; the first one begins to measure. */
  eventLoopDelays(): Promise<readonly number[]>
  /** Turns telling of each apply off, which costs it CPU time; `takeTrace` then asks for what happened. */
  quiet(on: boolean): Promise<void>
  takeTrace(): Promise<readonly AppliedEvents[]>
  /** Has metrics and health left out in turns from now on. */
  alternate(): Promise<void>
  /** What changes have cost with them and without, since then; they stay with. */
  takeCosts(): Promise<ObservedCosts>
  /** Asks the dataplane whether anything changed its rules; returns milliseconds. */
  checkDrift(): Promise<number>
  /** Reads the kernel back and compares it with the table, as an audit does; returns milliseconds. */
  readBack(): Promise<number>
  /** Stops it and removes all that it made in the kernel; returns the removal's milliseconds. It can only be stopped then. */
  cleanUp(): Promise<number>
  /** Lets the next apply fail before it touches the kernel; resolves when that is arranged. */
  failOnce(): Promise<void>
}

/** A start, seen from inside. Times by `monotonic`, milliseconds. */
export interface StartReport {
  /** When the process began. */
  readonly processStarted: number
  /** When the first byte of a list arrived. */
  readonly received: number
  /** When the cluster's state was complete. */
  readonly synced: number
  readonly firstApplied: number
  /** CPU milliseconds of the process, from the first byte of a list to the last first apply. */
  readonly cpuMs: number
  /** How many of all routes the dataplane could not program as asked, and why the first of them. */
  readonly degraded: { readonly routes: number; readonly of: number; readonly reason: string }
  /** Of all families' first applies. */
  readonly operations: number
  readonly bytes: number
  /** Of IPv4's, the family that the benchmark's Services are of. */
  readonly applyMs: number
  readonly computeMs: number
  readonly compileMs: number
}
