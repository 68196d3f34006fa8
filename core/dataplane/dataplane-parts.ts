import type { IpFamily } from '../network/address.ts'
import type { CompiledProgram } from './compiled-program.ts'
import type { Compiler } from './compiler.ts'
import type { Kernel } from './kernel.ts'
import type { DataplaneLogger } from './logger.ts'

/** The two halves of a dataplane for one node. */
export interface DataplaneParts<Program extends CompiledProgram, Observed, Handle = void, Memory = void> {
  readonly compiler: Compiler<Program, Observed, Memory>
  readonly kernel: Kernel<Program, Observed, Handle, Memory>
  /** What is remembered of a family of which nothing was applied yet; called once for each. Default: nothing. */
  memory?(family: IpFamily): Memory
}

/** What a dataplane knows of its node, and how it tells of it. */
export interface DataplaneContext<Settings = Readonly<Record<string, never>>> {
  /** The mark bit (0 to 31) between translation and masquerade; kube-proxy's default is 14 (SEMANTICS 9). */
  readonly masqueradeBit: number
  /** The network namespace to work in, as a path (`/run/netns/NAME`); `undefined`: the process's own. */
  readonly networkNamespace: string | undefined
  readonly settings: Settings
  /** For what an author wants to know. What an operator must know is a `notify`. */
  readonly logger: DataplaneLogger
  /** Tells the operator something, in a sentence, at any time: what an upgrade could not take over, for one. */
  notify(notice: string): void
  /**
   * Tells that the node itself has changed in its ordinary life (an interface, an address, a namespace came or went) and
   * that the dataplane has followed, with a few words: `interface veth1a2b came`. For a log and a count. Such a change must
   * not show in `isUnchanged` and `observe` as drift, which is for what another tool did to our rules.
   */
  nodeChanged(what: string): void
  /** Has the family audited soon, because the kernel told that another tool changed our rules. Audits come in any case. */
  suspectDrift(family: IpFamily): void
  /** Aborted when the dataplane is stopped. */
  readonly signal: AbortSignal
}
