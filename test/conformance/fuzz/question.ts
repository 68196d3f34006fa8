import {
  type Capabilities,
  type Evaluation,
  evaluate,
  type IpFamily,
  localhostFamiliesOf,
  parseAddress,
  type RoutingTable,
} from '@portolan/core'
import { network, type Protocol, podAddress, podBridge, podInterfacePrefix } from '@portolan/lab'
import { plannedDestinations } from '../convergence/address-plan.ts'
import { tablesAfter } from '../convergence/live-cluster.ts'
import type { Sequence } from '../convergence/sequence.ts'
import type { Random } from '../random.ts'
import { WalkChoices } from '../walk-choices.ts'

/** Who asks. */
export type Asker = 'pod' | 'endpoint' | 'node' | 'outside'

/** One new connection to ask for after a sequence, as plain data. */
export interface Question {
  readonly family: IpFamily
  readonly from: Asker
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
  /** What `evaluate` says of it, in words. */
  readonly due: string
}

/** A packet's source. */
export interface Source {
  readonly address: string
  readonly inputInterface?: string
}

const askers: readonly Asker[] = ['pod', 'endpoint', 'node', 'outside']

/** The local pod that is no endpoint, and the one that is. */
const podNumber = { pod: 2, endpoint: 0 } as const

/** Where a connection comes from. The node answers itself from the address that is asked. */
function addressOf({ family, from, address }: Pick<Question, 'family' | 'from' | 'address'>): string {
  const { outside, node: own } = network[family]
  switch (from) {
    case 'node':
      return Object.values(own).includes(address) ? address : own.internet
    case 'outside':
      return outside
    default:
      return podAddress(family, podNumber[from])
  }
}

export function sourceOf(
  question: Pick<Question, 'family' | 'from' | 'address'>,
  { node }: Pick<Sequence, 'node'>,
): Source {
  const address = addressOf(question)
  switch (question.from) {
    case 'node':
      return { address }
    case 'outside':
      return { address, inputInterface: 'eth0' }
    default: {
      const routed = `${podInterfacePrefix}${podNumber[question.from]}`
      return { address, inputInterface: node.detector === 'interfacePrefix' ? routed : podBridge }
    }
  }
}

export function evaluateQuestion(
  question: Omit<Question, 'due'>,
  sequence: Sequence,
  table: RoutingTable,
): Evaluation {
  const { address, inputInterface } = sourceOf(question, sequence)
  return evaluate(table, {
    protocol: question.protocol,
    source: parsed(address),
    destination: parsed(question.address),
    port: question.port,
    ...(inputInterface === undefined ? {} : { inputInterface }),
  })
}

/**
 * What to ask after a sequence: by turns of every kind of thing that may happen to a packet there, also to what should have
 * gone, or should never have been. Nothing of which the dataplane declares a gap.
 *
 * @param most in each family
 */
export function randomQuestions(
  random: Random,
  sequence: Sequence,
  capabilities: Capabilities,
  most: number,
): readonly Question[] {
  const tables = tablesAfter(sequence, localhostFamiliesOf(capabilities))
  return [...tables].flatMap(([family, table]) => {
    const all = askers.flatMap((from) =>
      plannedDestinations(family).flatMap((destination) => {
        const question = { family, from, ...destination }
        const evaluation = evaluateQuestion(question, sequence, table)
        if (!isAsked(question, sequence, evaluation, capabilities)) return []
        return [{ kind: kindOf(from, evaluation), question: { ...question, due: dueText(evaluation) } }]
      }),
    )
    const groups = [...Map.groupBy(all, ({ kind }) => kind).values()]
    const drawn: Question[] = []
    while (drawn.length < most && groups.some((group) => group.length > 0)) {
      for (const group of inRandomOrder(random, groups)) {
        const [one] = group.splice(random.below(group.length), 1)
        if (one !== undefined && drawn.length < most) drawn.push(one.question)
      }
    }
    return drawn
  })
}

/** What two questions have in common that a dataplane may get wrong in one way. */
function kindOf(from: Asker, evaluation: Evaluation): string {
  const because = 'because' in evaluation ? evaluation.because : ''
  const kind = 'frontend' in evaluation ? evaluation.frontend.kind : ''
  const masquerade = 'masquerade' in evaluation ? evaluation.masquerade : ''
  return [evaluation.verdict, because, kind, masquerade, from].join(' ')
}

function inRandomOrder<Value>(random: Random, values: readonly Value[]): readonly Value[] {
  const left = [...values]
  return values.flatMap(() => left.splice(random.below(left.length), 1))
}

/** The same question with what is due of it after another sequence; `undefined`: the other one has no such family. */
export function questionAfter(
  question: Question,
  sequence: Sequence,
  capabilities: Capabilities,
): Question | undefined {
  const table = tablesAfter(sequence, localhostFamiliesOf(capabilities)).get(question.family)
  if (table === undefined) return undefined
  const evaluation = evaluateQuestion(question, sequence, table)
  return isAsked(question, sequence, evaluation, capabilities)
    ? { ...question, due: dueText(evaluation) }
    : undefined
}

export function dueText(evaluation: Evaluation): string {
  switch (evaluation.verdict) {
    case 'balance': {
      const endpoints = evaluation.endpoints.map(({ address, port }) => `${address} ${port}`).toSorted()
      return `answered by ${endpoints.join(' or ')}${evaluation.masquerade ? ', masqueraded' : ''}`
    }
    case 'reject':
      return 'refused'
    case 'drop':
      return 'dropped'
    case 'none':
      return 'left alone'
  }
}

function isAsked(
  { from, protocol, address, port, family }: Omit<Question, 'due'>,
  { node }: Sequence,
  evaluation: Evaluation,
  capabilities: Capabilities,
): boolean {
  const { gaps } = capabilities
  const choices = new WalkChoices(capabilities)
  if (!choices.protocols.some((one) => one === protocol)) return false
  if (gaps.podsByInterface !== undefined && node.detector.startsWith('interface')) return false
  const frontend = 'frontend' in evaluation ? evaluation.frontend : undefined
  const isNodePort =
    frontend?.kind === 'NodePort' || (port >= 30_000 && Object.values(network[family].node).includes(address))
  if (gaps.nodePort !== undefined && isNodePort) return false
  if (gaps.sourceRanges !== undefined && frontend?.allowedSources !== undefined) return false
  if (gaps.sourceClasses !== undefined && frontend !== undefined) {
    const { pod, node, outside } = frontend.verdicts
    if (new Set([pod, node, outside].map((one) => JSON.stringify(one))).size > 1) return false
  }
  const to = frontend?.kind ?? 'ClusterIP, other port'
  return choices.asks(from, to, addressOf({ family, from, address }), evaluation)
}

function parsed(text: string) {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}
