import { CodedError } from '../error/coded-error.ts'
import type { IpFamily } from '../network/address.ts'
import type { UdpFlows } from '../table/udp-flows.ts'
import type { CompiledProgram, Degraded } from './compiled-program.ts'

/**
 * The half of a dataplane that touches the kernel.
 *
 * The core calls `probe` and `open`, then for each family `observe` once and `apply` with what `reconcile` made of it (a
 * warm start: only the difference is applied), then `apply` for every change. After a failed `apply` it goes back to
 * `observe` and `reconcile`, so a dataplane never has to guess what the kernel has. Calls for one family never overlap;
 * calls for different families may.
 */
export interface Kernel<Program extends CompiledProgram, Observed, Handle = void, Memory = void> {
  /** Can this node run it? Changes nothing. */
  probe(): Promise<ProbeReport>

  /**
   * Opens what the other methods need (sockets, files), and gives it: they get it with every call. Touches no packet.
   * Called once, however many ask at the same time, and again only if it failed.
   */
  open?(): Promise<Handle>

  /** Closes what `open` gave. Leaves the rules in place: an exit never disturbs traffic. */
  close?(handle: Handle): Promise<void> | void

  /**
   * Reads back what the kernel holds of ours. Costs as much as the kernel holds, so it is off the sync path. Changes
   * nothing: a process that stops after it has left nothing in the kernel.
   */
  observe(session: Session<Handle, Memory>): Promise<Observed>

  /**
   * Whether the kernel surely holds what the last `apply` or `observe` of this family left: no other tool changed
   * anything. Asked every second or so, so it must cost next to nothing; `false` when unsure, and then the core
   * observes and compares. Left out: always unsure.
   */
  isUnchanged?(session: Session<Handle, Memory>): Promise<boolean>

  /**
   * Applies the program, or throws {@link ApplyError}. After an error every destination is as it was before or as it was to
   * be, none in between. With a mechanism that has transactions all of them are as before; one without (the gap
   * `atomicChange`) may have changed some. The core doesn't rely on either: it observes what there is.
   */
  apply(program: Program, session: Session<Handle, Memory>): Promise<ApplyReport>

  /**
   * Work that no change asks for: what drains, expires or is to be tried again. Called every five seconds while nothing
   * else of the family is under way, and never beside it; it holds up changes for as long as it takes. An error is
   * logged, and the next audit observes.
   */
  upkeep?(session: Session<Handle, Memory>): Promise<void>

  /**
   * Has the kernel forget the flows of UDP that are stale (SEMANTICS 12), so that the client's next datagram is led anew.
   * Called after an apply, and unlike every other method beside whatever else is under way of the family, for as long as
   * it takes; one pass at a time. It must not hold the event loop, for a node may have a million flows. What it throws is
   * logged, and it is called again. Left out: `apply` sees to it, or nothing does, which is the gap `udpFlows`.
   */
  forgetFlows?(flows: UdpFlows, session: Session<Handle, Memory>): Promise<ForgottenFlows>

  /**
   * What of this dataplane stands in the kernel of this node and leads packets, whichever process left it there: named for a
   * person, and empty exactly when `cleanup` would find nothing of it. Nothing is open then. It changes nothing, and is
   * cheap however many Services there are. Left out: another dataplane that comes to run here can't notice this one.
   */
  remains?(): Promise<readonly string[]>

  /**
   * Another dataplane holds all that the cluster asks now, and is to have every new connection; what established ones need of
   * this one stays. Nothing is open then. Asked again every few seconds, also by a new process, until no connection is left
   * or waiting for them has an end; `cleanup` follows. Left out: `cleanup` comes at once.
   */
  drain?(): Promise<DrainReport>

  /**
   * Removes everything this dataplane ever made on this node, and nothing else. Nothing is open then. `portolan cleanup`
   * asks all of Portolan's own dataplanes, so a node without the mechanism is no error (`absent`). What can't be removed is:
   * it throws, naming the step, when everything else has been tried.
   */
  cleanup(): Promise<CleanupReport>
}

/** One family of an opened dataplane. The same object at every call. */
export interface Session<Handle = void, Memory = void> {
  readonly family: IpFamily
  /** What `open` gave. */
  readonly handle: Handle
  /** What the compiler gets with the next call; `apply` settles here what its program proposed. */
  memory: Memory
}

/** Something that a node lacks: the kernel feature, module, program or permission, and what to do about it. */
export interface Problem {
  readonly what: string
  readonly fix: string
}

export interface ProbeReport {
  readonly usable: boolean
  readonly problems: readonly Problem[]
  /** Versions that the report and the log show: kernel, tools. */
  readonly facts: Readonly<Record<string, string>>
}

export interface ApplyReport {
  /** Bytes sent to the kernel or to a tool. */
  readonly bytes: number
  /** Routes of which only the kernel has shown that they can't be programmed as asked, besides those of the program. */
  readonly degraded?: readonly Degraded[]
}

export interface ForgottenFlows {
  /** Flows that were looked at. */
  readonly read: number
  readonly deleted: number
}

export interface DrainReport {
  /** Established connections that would break if `cleanup` came now. */
  readonly connections: number
}

export interface CleanupReport {
  /** What was removed, one line each; empty when there was nothing. */
  readonly removed: readonly string[]
  /** Where this node hasn't got the mechanism at all, so that there can be nothing: what is missing. */
  readonly absent?: string
}

/** Codes of {@link ApplyError}: when it happens, and the fix. */
export const applyErrorCodes = {
  DATAPLANE_APPLY_FAILED: {
    when: 'the kernel or a tool refused a program, or it could not be applied to its end',
    fix: 'it is retried with the newest table; if it goes on, look at operation, and run portolan plan --from kernel',
  },
} as const

/** A program that was refused, or could not be applied to its end. */
export class ApplyError extends CodedError<keyof typeof applyErrorCodes> {
  /** Which operation the kernel refused, in the mechanism's own language. */
  readonly operation: string | undefined

  constructor(message: string, options: { operation?: string; cause?: unknown } = {}) {
    super('DATAPLANE_APPLY_FAILED', message, undefined, { cause: options.cause })
    this.operation = options.operation
  }
}
