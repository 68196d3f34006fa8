import type { Address, Cidr, IpFamily } from '@portolan/core'
import type { Sequence } from '../convergence/sequence.ts'
import type { Script } from '../conversations/conversation.ts'
import type { Question } from './question.ts'

/** What is tried, in the order of what it costs. */
export const phases = {
  convergence: 'random histories: after each change the kernel holds what a reconciliation would write',
  packets:
    'packets after random histories, from everywhere to everywhere: what `evaluate` says happens to them',
  conversations: 'random conversations, with Services and past them: all else goes as without a proxy',
} as const

export type PhaseName = keyof typeof phases

/** Something to try, as plain data: a cluster's history and packets after it, or conversations beside Services. */
export type Trial =
  | { readonly phase: 'convergence'; readonly sequence: Sequence }
  | { readonly phase: 'packets'; readonly sequence: Sequence; readonly questions: readonly Question[] }
  | { readonly phase: 'conversations'; readonly family: IpFamily; readonly script: Script }

/** The same with plain text for addresses, as a test has it that somebody pastes. */
export type PlainTrial = Plain<Trial>

type Plain<Value> = Value extends Address | Cidr
  ? string
  : Value extends string | number | boolean | undefined
    ? Value
    : { readonly [Key in keyof Value]: Plain<Value[Key]> }
