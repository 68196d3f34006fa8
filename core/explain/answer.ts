import type { NodeRecord } from '../cluster/records.ts'
import type { Dataplane, TraceStep } from '../dataplane/contract.ts'
import { type Address, familyOf, type IpFamily } from '../network/address.ts'
import { isLoopback } from '../network/special-addresses.ts'
import type { TableBuilder } from '../table/builder/table-builder.ts'
import { type Evaluation, evaluate } from '../table/evaluate.ts'
import type { ClusterView, Reason } from '../table/explain/absent-endpoints.ts'
import { describeEvaluation } from '../table/explain/describe-evaluation.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { frontendKey } from '../table/service-route.ts'
import type { Destination } from './destination.ts'
import { type Client, nodeAddressFix, packetSource } from './packet-source.ts'
import { QuestionError } from './question-error.ts'

/** A new connection that somebody asks about. */
export interface Question {
  readonly client: Client
  readonly destination: Destination
  /** Of a destination that is the node itself. Absent: the client's, or the first that answers. */
  readonly family?: IpFamily | undefined
}

/** What there is to answer from. */
export interface KnownNode {
  readonly nodeName: string
  /** Absent: it isn't known. */
  readonly node?: NodeRecord | undefined
  /** Drained: their tables are up to date. */
  readonly builders: readonly TableBuilder[]
  /** What else the source has, for reasons beyond the tables. Absent: it isn't known. */
  readonly cluster?: ClusterView
}

export interface Answer {
  readonly evaluation: Evaluation
  readonly table: RoutingTable
  /** In their order; that of the verdict comes last. */
  readonly reasons: readonly Reason[]
  /** The way through the dataplane. */
  readonly steps: readonly (string | TraceStep<unknown>)[]
}

/**
 * What happens to the connection at this node, why, and by which rules of the dataplane.
 *
 * @throws {QuestionError} when the node has no address that the question is about
 */
export function answer(question: Question, known: KnownNode, dataplane: Pick<Dataplane, 'trace'>): Answer {
  const { client, destination, family } = question
  const { builder, address } = place(destination, known, family ?? familyOfClient(client))
  const { table } = builder
  const { packet, note } = packetSource(client, table, known.node)
  const { port, protocol } = destination
  const evaluation = evaluate(table, { ...packet, destination: address, port, protocol })
  const reasons = [
    ...(note === undefined ? [] : [note]),
    describeEvaluation(builder, evaluation, known.cluster),
  ]
  return { evaluation, table, reasons, steps: dataplane.trace(table, evaluation) }
}

function familyOfClient(client: Client): IpFamily | undefined {
  return client === 'pod' || client === 'node' || client === 'outside' ? undefined : familyOf(client)
}

/** The family's table that the packet meets, and the address that it goes to. */
function place(
  { address, port, protocol }: Destination,
  { builders, nodeName }: KnownNode,
  wanted: IpFamily | undefined,
): { readonly builder: TableBuilder; readonly address: Address } {
  if (address !== undefined) {
    const builder = builders.find(({ family }) => family === familyOf(address))
    if (builder !== undefined) return { builder, address }
  }
  const reachable = builders.flatMap((builder) => {
    const first = [...builder.table.nodePortAddresses].find((one) => !isLoopback(one))
    const fits = wanted === undefined || wanted === builder.family
    return first === undefined || !fits ? [] : [{ builder, address: first }]
  })
  const key = frontendKey(undefined, protocol, port)
  const found = reachable.find(({ builder }) => builder.table.frontends.has(key)) ?? reachable[0]
  if (found === undefined) {
    const family = wanted === undefined ? '' : `${wanted} `
    throw new QuestionError(
      'QUESTION_UNANSWERABLE',
      `node '${nodeName}' has no ${family}address where NodePorts answer`,
      `${nodeAddressFix}; see also nodePortAddresses (--nodeport-addresses)`,
    )
  }
  return found
}
