import type { IpFamily } from '../network/address.ts'
import type { Evaluation } from '../table/evaluate.ts'
import type { HeldSets, RoutingTable } from '../table/routing-table.ts'
import type { EndpointScope, ServiceRoute } from '../table/service-route.ts'
import type { TableChange } from '../table/table-change.ts'

/** Raised whenever a dataplane written for the contract before it would misbehave with the one after it. */
export const contractVersion = 1

/**
 * A compiler from the routing table to one kernel mechanism, and the hand that applies what it compiled.
 *
 * `Program` is whatever the mechanism needs to go from one state to another; `Held` is what the kernel holds, read
 * back. The core never looks into either. Families are independent: a program speaks of one family only.
 *
 * The core calls `probe`, `start`, then for each family `observe` and `reconcile` once (a warm start: only the
 * difference is applied), then `compile` and `apply` for every change. After a failed `apply` it goes back to
 * `observe` and `reconcile`, so a dataplane never has to guess what the kernel has. Calls for one family never
 * overlap; calls for different families may.
 */
export interface Dataplane<Program, Held> {
  readonly name: string
  readonly contractVersion: number
  readonly capabilities: Capabilities

  /** Can this node run it? Changes nothing. */
  probe(): Promise<ProbeReport>

  /** Opens what it needs (sockets, files). Writes nothing that touches a packet. */
  start(): Promise<void>

  /**
   * Reads back what the kernel holds of ours. Costs as much as the kernel holds, so it is off the sync path. Changes
   * nothing: a process that stops after it has left nothing in the kernel.
   */
  observe(family: IpFamily): Promise<Held>

  /**
   * Whether the kernel surely holds what the last `apply` or `observe` of this family left: nobody else changed
   * anything. Asked every second or so, so it must cost next to nothing; `false` when unsure, and then the core
   * observes and compares.
   */
  isUnchanged(family: IpFamily): Promise<boolean>

  /**
   * The order in which the kernel holds a list of a route's endpoints: their `endpointKey`s by slot. The core takes it
   * over at a warm start, so that `reconcile` finds every endpoint where it is. `undefined`: the kernel doesn't hold
   * the list, or order means nothing to this dataplane.
   */
  endpointOrder(held: Held, route: ServiceRoute, over: EndpointScope): readonly string[] | undefined

  /**
   * What the kernel holds of those sets that follow objects which a start may have to do without: a Node object that is
   * missing, ServiceCIDRs that may not be read. The core then takes the table's sets from here, so that a restart takes
   * nothing away that a running process would have kept. Asked only then. Optional: without it they are taken away, which is
   * the gap `unknownNode`.
   */
  heldSets?(held: Held, table: RoutingTable): HeldSets

  /** What a kernel without anything of ours holds; what `plan --from nothing` starts from. */
  nothingHeld(family: IpFamily): Held

  /**
   * The program for a change. Without effects: no input or output, the same answer when called again. It may look
   * at what earlier applied programs settled (numbers given to things), but only `apply` may settle more.
   */
  compile(change: TableChange): Program

  /** The program from what the kernel holds to the whole table. Without effects, like `compile`. */
  reconcile(held: Held, table: RoutingTable): Program

  /** The program in the mechanism's own language, for a person: what `plan` shows. Empty text: nothing to do. */
  print(program: Program): string

  /** Whether the program does anything, and how much. */
  measure(program: Program): ProgramSize

  /**
   * Applies the program, or throws {@link ApplyError}. After an error every destination is as it was before or as it was to
   * be, none in between. With a mechanism that has transactions all of them are as before; one without (the gap
   * `atomicChange`) may have changed some. The core doesn't rely on either: it observes what there is.
   */
  apply(program: Program): Promise<ApplyReport>

  /** The way of one evaluated packet through the mechanism, step by step: what `explain` shows as rules. */
  trace(table: RoutingTable, evaluation: Evaluation): readonly (string | TraceStep<Held>)[]

  /** Closes what `start` opened. Leaves the rules in place: an exit never disturbs traffic. */
  stop(): Promise<void>

  /**
   * Removes everything this dataplane ever made on this node, and nothing else. Needs no `start`. `portolan cleanup` asks
   * all of Portolan's own dataplanes, so a node without the mechanism is no error (`absent`). What can't be removed is: it
   * throws, naming the step, when everything else has been tried.
   */
  cleanup(): Promise<CleanupReport>
}

/**
 * One step of a packet's way through the mechanism. A step that is mere text can't be compared with the kernel, and
 * `explain --from kernel` says so.
 */
export interface TraceStep<Held> {
  /** One line: the rule, the element, the program, in the mechanism's own words. */
  readonly text: string
  /** What of this step the kernel lacks or has otherwise, one line each; empty: it is as it should be. */
  lacks?(held: Held): readonly string[]
}

export function stepText(step: string | TraceStep<unknown>): string {
  return typeof step === 'string' ? step : step.text
}

/**
 * What a dataplane can do. The conformance kit skips exactly what is declared missing, and the table in docs/capabilities.md is
 * generated from these objects. A gap is a sentence for the operator: what happens instead.
 */
export interface Capabilities {
  readonly families: readonly IpFamily[]
  /**
   * What it can translate. Tables have routes of every protocol all the same: one of a protocol that isn't listed is
   * left out of the program, which neither fails for it nor touches its packets, and is named in
   * {@link ApplyReport.degraded} whenever it comes or changes.
   */
  readonly protocols: readonly ('TCP' | 'UDP' | 'SCTP')[]
  readonly gaps: Readonly<Partial<Record<Feature, string>>>
}

/** What a dataplane may declare as a gap, with what it means. */
export const features = {
  sourceClasses: 'verdicts differ by who asks: pod, node, outside',
  dropWithoutUsableEndpoint: 'drops, rather than rejects, where endpoints exist that the packet may not use',
  rejectWithoutEndpoint: 'refuses connections to a Service without endpoints',
  rejectOtherPorts: 'refuses other ports of an active ClusterIP, and ping',
  dropUnallocated: 'drops packets to ClusterIP ranges that no Service has',
  sourceRanges: 'loadBalancerSourceRanges',
  affinity: 'session affinity with a timeout',
  affinityTimeout: 'affinity ends when the timeout is over, however long connections last',
  affinityAcrossFrontends: 'a client keeps its endpoint across all frontends of a service port',
  hairpin: 'an endpoint reaches itself through its Service',
  nodePort: 'NodePorts on chosen node addresses',
  localhostNodePorts: 'NodePorts at IPv4 loopback, for processes of the node',
  unknownNode: 'a restart keeps NodePorts and dropped ranges while the Node object is missing',
  atomicChange: 'a change of several routes shows to packets all at once',
  sharedPorts: 'a client goes from one port to a Service and, past the Service, to its endpoint',
  sharedPortsAtOnce: 'pods and the node do so at the same time',
  localPorts:
    "the node's own clients may use ports that are NodePorts, or a Service's at an address of the node",
  largeDatagramsOfNode: 'the node sends Services at its own addresses datagrams that need fragments',
} as const

export type Feature = keyof typeof features

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

export interface ProgramSize {
  /** Kernel operations: set elements, rules, map updates. Zero: nothing to do. */
  readonly operations: number
  /**
   * Of a program by `reconcile`: what the kernel holds differently, a line for each object, such as `chain services:
   * 0 rules instead of 4`. For the log when rules have drifted. Empty for a program by `compile`.
   */
  readonly findings: readonly string[]
}

/** A route that can't be programmed as asked: left out, or with less than was asked. */
export interface Degraded {
  /** Its key, never its name: by the key the log says later that it works as asked again. */
  readonly route: string
  readonly reason: string
}

export interface ApplyReport {
  readonly operations: number
  /** Bytes sent to the kernel or to a tool. */
  readonly bytes: number
  /** Routes that could not be programmed as asked; all others were. */
  readonly degraded: readonly Degraded[]
  /** What an operator should know besides, in sentences: what an upgrade could not take over, for one. */
  readonly notices?: readonly string[]
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
export class ApplyError extends Error {
  readonly code: keyof typeof applyErrorCodes = 'DATAPLANE_APPLY_FAILED'
  /** Which operation the kernel refused, in the mechanism's own language. */
  readonly operation: string | undefined

  constructor(message: string, options: { operation?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'ApplyError'
    this.operation = options.operation
  }
}

/**
 * What a dataplane package exports as its default: makes a dataplane for one node. Not a promise of one, because a
 * dataplane is made just to be asked for its capabilities, too, and what takes time (sockets, modules of the kernel)
 * belongs into `start`. Throws on settings that it doesn't understand.
 */
export type DataplaneFactory = (options: DataplaneOptions) => Dataplane<unknown, unknown>

/** What the core tells a dataplane about its node. */
export interface DataplaneOptions {
  /** The mark bit (0 to 31) between translation and masquerade; kube-proxy's default is 14 (SEMANTICS 9). */
  readonly masqueradeBit: number
  /** The network namespace to work in, as a path (`/run/netns/NAME`). Absent: the process's own. */
  readonly networkNamespace?: string
  /** Options of this dataplane alone, from `--dataplane-option NAME=VALUE`. */
  readonly settings: Readonly<Record<string, string>>
  /**
   * To be called when the node itself has changed in its ordinary life (an interface, an address, a namespace came or
   * went) and the dataplane has followed, with a few words: `interface veth1a2b came`. For a log and a count. Such a change
   * must not show in `isUnchanged` and `observe` as drift, which is for what somebody did to our rules.
   */
  readonly onNodeChange?: (what: string) => void
}
