import type { Client } from '../matrix-case.ts'

/**
 * Conversations as plain data: who speaks from which port with whom, step by step. A script has no addresses, so it means
 * the same in both families and can be generated, shrunk and printed without a lab.
 */
export interface Script {
  readonly conversations: readonly Conversation[]
  /** Of all conversations, interleaved. Each is over before the next one begins, unless it hurries. */
  readonly steps: readonly Step[]
}

/** One socket of a client, or one sequence of pings. */
export interface Conversation {
  readonly id: number
  readonly from: Client
  readonly protocol: 'TCP' | 'UDP' | 'ICMP'
  readonly port: LocalPort
  /** Whom the socket is connected to. An unconnected UDP socket says it with each message. */
  readonly to?: Destination
}

/**
 * The client's port. `slot`: a port of this script's own; equal numbers are equal ports, and no other script has them.
 * `fixed`: this number, which means something to a Service.
 */
export type LocalPort = { readonly slot: number } | { readonly fixed: number }

export type Destination = Frontend | Direct

export interface Frontend {
  readonly service: ServiceName
  readonly at: FrontendName
}

/** Past all Services: the host at this address. */
export interface Direct {
  readonly host: Listener
  readonly port: number
}

export type FrontendName = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer' | 'ExternalIP of the node'

/** The Services there are; see services.ts. */
export type ServiceName = 'both' | 'bothLocal' | 'far' | 'near' | 'farLocal' | 'empty'

/** Whom one may speak with directly. `nodeElsewhere`: the node at an address where NodePorts aren't served. */
export type Listener =
  | 'node'
  | 'nodeElsewhere'
  | 'outside'
  | 'internet'
  | 'pod'
  | 'pod0'
  | 'pod1'
  | 'remote0'
  | 'remote1'
  | 'remotePod'

export type Step =
  /** Opens the socket; over TCP it connects. */
  | { readonly of: number; readonly do: 'open' }
  | {
      readonly of: number
      readonly do: 'say'
      /** Of an unconnected socket. */
      readonly to?: Destination
      readonly bytes: number
      /** The next step begins before the answer is there. */
      readonly hurries?: true
      /** The server closes the connection after its answer. */
      readonly thenClose?: true
    }
  | { readonly of: number; readonly do: 'ping'; readonly bytes: number }
  | { readonly of: number; readonly do: 'end'; readonly how: 'finish' | 'reset' }

export function isOfService(to: Destination): to is Frontend {
  return 'service' in to
}

/** Whether two conversations are of one client's port. */
export function isSamePort(one: Conversation, other: Conversation): boolean {
  return (
    one.from === other.from &&
    one.protocol === other.protocol &&
    describePort(one.port) === describePort(other.port)
  )
}

/** The peer of a step; `undefined`: none. */
export function receiverOf(step: Step, conversation: Conversation): Destination | undefined {
  if (step.do === 'say') return step.to ?? conversation.to
  return step.do === 'end' ? undefined : conversation.to
}

export function conversationOf(script: Script, id: number): Conversation {
  const found = script.conversations.find((one) => one.id === id)
  if (found === undefined) throw new Error(`the script has no conversation ${id}`)
  return found
}

/** A line for each step. */
export function describeScript(script: Script): string[] {
  return script.steps.map((step) => describeStep(step, conversationOf(script, step.of)))
}

export function describeStep(step: Step, conversation: Conversation): string {
  const who = `${conversation.from}'s ${conversation.protocol} socket ${step.of} at ${describePort(conversation.port)}`
  const to = receiverOf(step, conversation)
  const whom = to === undefined ? '' : ` ${describeDestination(to)}`
  switch (step.do) {
    case 'open':
      return whom === '' ? `${who} opens, unconnected` : `${who} connects to${whom}`
    case 'say':
      return `${who} says ${step.bytes} bytes to${whom}${step.hurries === true ? ', and goes on at once' : ''}${step.thenClose === true ? ', which then closes' : ''}`
    case 'ping':
      return `${conversation.from} pings${whom} with ${step.bytes} bytes`
    case 'end':
      return `${who} closes by a ${step.how}`
  }
}

export function describeDestination(to: Destination): string {
  return isOfService(to) ? `${to.service}'s ${to.at}` : `${to.host}:${to.port}`
}

export function describePort(port: LocalPort): string {
  return 'slot' in port ? `port ${String.fromCharCode(65 + port.slot)}` : `port ${port.fixed}`
}
