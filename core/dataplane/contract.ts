import type { IpFamily } from '../network/address.ts'
import type { Evaluation } from '../table/evaluate.ts'
import type { ObservedSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { TableChange } from '../table/table-change.ts'
import type { UdpFlows } from '../table/udp-flows.ts'
import type { Capabilities } from './capabilities.ts'
import type { CompiledProgram, Degraded } from './compiled-program.ts'
import type { TraceStep } from './compiler.ts'
import type { CleanupReport, DrainReport, ForgottenFlows, ProbeReport } from './kernel.ts'
import type { DataplaneLogger } from './logger.ts'
import type { SettingDeclarations } from './settings.ts'
import type { SupervisionOptions } from './supervised-calls.ts'

export * from './capabilities.ts'
export * from './compiled-program.ts'
export * from './compiler.ts'
export * from './kernel.ts'

/** Raised whenever a dataplane written for the contract before it would misbehave with the one after it. */
export const contractVersion = 2

/** What a dataplane package exports as its default: made by `defineDataplane`. */
export interface DataplaneFactory<Program extends CompiledProgram = CompiledProgram, Observed = unknown> {
  readonly name: string
  readonly contractVersion: number
  readonly capabilities: Capabilities
  readonly settings: SettingDeclarations
  /**
   * Makes the dataplane for one node. Opens nothing.
   *
   * @throws {SettingError} for settings that it doesn't know, or that have values which they may not have
   */
  create(options: DataplaneOptions, supervision?: SupervisionOptions): Dataplane<Program, Observed>
}

/**
 * A dataplane as the core calls it: both halves joined, and the life cycle. `Program` and `Observed` are the dataplane's
 * own. For what each method does see {@link Compiler} and {@link Kernel}.
 */
export interface Dataplane<Program extends CompiledProgram = CompiledProgram, Observed = unknown> {
  readonly name: string
  readonly contractVersion: number
  readonly capabilities: Capabilities

  compile(change: TableChange): Program
  reconcile(observed: Observed | undefined, table: RoutingTable): Program
  print(program: Program): string
  trace(table: RoutingTable, evaluation: Evaluation): readonly (string | TraceStep<Observed>)[]
  /** Absent: order means nothing to the dataplane. */
  endpointOrder?(observed: Observed, route: ServiceRoute, scope: EndpointScope): readonly string[] | undefined
  /** Absent: the dataplane can't tell. */
  observedSets?(observed: Observed, table: RoutingTable): ObservedSets

  probe(): Promise<ProbeReport>
  start(): Promise<void>
  observe(family: IpFamily): Promise<Observed>
  isUnchanged(family: IpFamily): Promise<boolean>
  apply(program: Program): Promise<ApplyResult>
  /** Absent: there is none. */
  upkeep?(family: IpFamily): Promise<void>
  /** Absent: it does so when it applies, or not at all. */
  forgetFlows?(family: IpFamily, flows: UdpFlows): Promise<ForgottenFlows>
  stop(): Promise<void>
  /** Absent: it can't tell. */
  remains?(): Promise<readonly string[]>
  /** Absent: it needs a clean-up alone. */
  drain?(): Promise<DrainReport>
  cleanup(): Promise<CleanupReport>
}

/** What became of a program: its own account and the kernel's. */
export interface ApplyResult {
  readonly operations: number
  /** Bytes sent to the kernel or to a tool. */
  readonly bytes: number
  readonly degraded: readonly Degraded[]
}

/** What the core tells a dataplane about its node, and how it hears of it. */
export interface DataplaneOptions {
  /** The mark bit (0 to 31) between translation and masquerade; kube-proxy's default is 14 (SEMANTICS 9). */
  readonly masqueradeBit: number
  /** The network namespace to work in, as a path (`/run/netns/NAME`). Absent: the process's own. */
  readonly networkNamespace?: string
  /** Options of this dataplane alone, from `--dataplane-option NAME=VALUE`. */
  readonly settings: Readonly<Record<string, string>>
  /** Default: silent. */
  readonly logger?: DataplaneLogger
  readonly onNotice?: (notice: string) => void
  readonly onNodeChange?: (what: string) => void
  readonly onDriftSuspected?: (family: IpFamily) => void
}
