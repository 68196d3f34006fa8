import type { Heard, Host, Lab, Overheard, RecordingSocket, SocketAddress } from '@portolan/lab'
import {
  type Conversation,
  conversationOf,
  type Destination,
  isOfService,
  type LocalPort,
  receiverOf,
  type Script,
  type Step,
} from './conversation.ts'
import type { Ledger } from './ledger.ts'
import { hostOf, listenerOfClient, type World } from './world.ts'

/** What came of one step. */
export type Outcome =
  /** `open`, and whether that took more than one packet; or why it could not be opened: an error's code, or `silence`. */
  { readonly opened: string } | { readonly heard: readonly Heard[] } | { readonly ping: string }

/** All that the parties of a script have seen. */
export interface Transcript {
  /** By step; `undefined`: not played. */
  readonly outcomes: readonly (Outcome | undefined)[]
  /** What reached the servers. */
  readonly overheard: readonly Overheard[]
  /** Steps that had to end in nothing, and after which no marker came through, so that the outcome is unknown. */
  readonly unmarked: readonly number[]
  /** The step after which an answer was missing; nothing has been played after it. */
  readonly silentAfter?: number
}

export interface Play {
  readonly lab: Lab
  readonly ledger: Ledger
  readonly world: World
  readonly script: Script
  /** Unique among the plays of one family in a lab: tags and the ports of slots come from it. */
  readonly number: number
  /** Whether there is a proxy; without, nothing is said to Services. */
  readonly proxied: boolean
  /** How long an answer may take, milliseconds. */
  readonly answerMs: number
}

/** Below the NodePorts and the ports that kernels choose from, and past all target ports. */
const slots = { first: 12_000, count: 18_000, perScript: 8 } as const

export function portOf(port: LocalPort, play: number): number {
  if ('fixed' in port) return port.fixed
  return slots.first + ((play * slots.perScript + port.slot) % slots.count)
}

export function tagOf({ world, number }: Pick<Play, 'world' | 'number'>, step: number): string {
  return `${world.family}.${number}.${step}.`
}

/** What a step waits for. `nothing`: it doesn't wait. */
export function dueOf(
  world: World,
  conversation: Conversation,
  to: Destination,
): 'answer' | 'refusal' | 'nothing' {
  const { from, protocol } = conversation
  if (protocol === 'ICMP') return 'answer'
  const isConnected = conversation.to !== undefined
  if (!isOfService(to)) return world.isServed(to) ? 'answer' : isConnected ? 'refusal' : 'nothing'
  switch (world.evaluate(from, to, protocol).verdict) {
    case 'balance':
      return 'answer'
    case 'reject':
      return isConnected ? 'refusal' : 'nothing'
    default:
      return 'nothing'
  }
}

/** Plays a script in a lab, one step after the other, and tells what each host saw. */
export async function play(given: Play): Promise<Transcript> {
  const { script, world, ledger } = given
  const fixture = new Sockets(given)
  const outcomes: (Outcome | undefined)[] = []
  let silentAfter: number | undefined
  let unmarked: readonly number[] = []
  try {
    for (const [index, step] of script.steps.entries()) {
      const outcome = await fixture.take(step, index)
      outcomes.push(outcome)
      if (outcome !== undefined && isSilent(outcome)) {
        silentAfter = index
        break
      }
    }
    unmarked = await fixture.mark(outcomes)
  } finally {
    await fixture.close()
  }
  const overheard = await ledger.take(`${world.family}.${given.number}.`)
  return { outcomes, overheard, unmarked, ...(silentAfter === undefined ? {} : { silentAfter }) }
}

function isSilent(outcome: Outcome): boolean {
  if ('opened' in outcome) return outcome.opened === 'silence'
  return 'heard' in outcome
    ? outcome.heard.some(({ what }) => what === 'silence')
    : outcome.ping === 'timeout'
}

/** The sockets of one play. */
class Sockets {
  readonly #play: Play
  readonly #open = new Map<number, RecordingSocket>()
  /** Tags of messages to which an answer is due, by conversation. */
  readonly #owed = new Map<number, Set<string>>()
  /** The last message of a TCP conversation that was answered, and by which host. */
  readonly #lastAnswered = new Map<number, { readonly tag: string; readonly host: string }>()

  constructor(given: Play) {
    this.#play = given
  }

  async take(step: Step, index: number): Promise<Outcome | undefined> {
    const conversation = conversationOf(this.#play.script, step.of)
    const to = receiverOf(step, conversation)
    if (!this.#play.proxied && to !== undefined && isOfService(to)) return undefined
    switch (step.do) {
      case 'open':
        return await this.#openSocket(conversation)
      case 'say':
        return to === undefined ? undefined : await this.#say(step, index, conversation, to)
      case 'ping':
        return to === undefined ? undefined : await this.#ping(step.bytes, conversation, to)
      case 'end':
        return await this.#end(step)
    }
  }

  /**
   * Sends something that is answered after what may not be: what was let through, against the rules, has come to the
   * endpoints before it. @returns the steps of which that isn't so, because the marker itself was lost
   */
  async mark(outcomes: readonly (Outcome | undefined)[]): Promise<readonly number[]> {
    const { script, world, proxied } = this.#play
    const unmarked: number[] = []
    if (!proxied) return unmarked
    for (const [index, step] of script.steps.entries()) {
      const conversation = conversationOf(script, step.of)
      const to = receiverOf(step, conversation)
      if (outcomes[index] === undefined || to === undefined || !isOfService(to)) continue
      if (dueOf(world, conversation, to) === 'answer') continue
      for (const endpoint of world.endpointsOf(to.service))
        if (!(await this.#reaches(endpoint, index, conversation))) unmarked.push(index)
    }
    return unmarked
  }

  async #reaches(endpoint: SocketAddress, index: number, conversation: Conversation): Promise<boolean> {
    const socket = await this.#hostOf(conversation).openSocket({ protocol: 'UDP', port: 0, to: endpoint })
    if (typeof socket === 'string') return false
    const tag = `${tagOf(this.#play, index)}marker ${endpoint.address}`
    const heard = await socket.say({ tag, bytes: 0, awaits: true, timeoutMs: this.#play.answerMs })
    await socket.end('finish')
    return heard.some((one) => one.what === 'message' && one.tag === tag)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((socket) => socket.end('reset')))
  }

  async #openSocket(conversation: Conversation): Promise<Outcome> {
    const { world, number, answerMs } = this.#play
    const { protocol, from, port, to } = conversation
    const socket = await this.#hostOf(conversation).openSocket({
      protocol: protocol === 'TCP' ? 'TCP' : 'UDP',
      port: portOf(port, number),
      timeoutMs: answerMs,
      // The node's own programs seldom choose one of its addresses.
      ...(from !== 'node'
        ? { address: world.origin(from).address }
        : protocol === 'UDP' && world.family === 'IPv6'
          ? { address: '::' }
          : {}),
      ...(to === undefined ? {} : { to: world.addressOf(to) }),
    })
    if (typeof socket === 'string') return { opened: socket }
    this.#open.set(conversation.id, socket)
    return {
      opened: socket.synsSentAgain === 0 ? 'open' : `open, its SYN sent ${socket.synsSentAgain} times more`,
    }
  }

  async #say(
    step: Step & { do: 'say' },
    index: number,
    conversation: Conversation,
    to: Destination,
  ): Promise<Outcome | undefined> {
    const { world, answerMs } = this.#play
    const socket = this.#open.get(step.of)
    if (socket === undefined) return undefined
    const tag = tagOf(this.#play, index)
    const due = dueOf(world, conversation, to)
    const owed = this.#owed.get(step.of) ?? new Set()
    this.#owed.set(step.of, owed)
    if (due === 'answer') owed.add(tag)
    const heard = await socket.say({
      tag,
      bytes: step.bytes,
      awaits: due === 'refusal' || (due === 'answer' && step.hurries !== true),
      timeoutMs: answerMs,
      ...(conversation.to === undefined ? { to: world.addressOf(to) } : {}),
      ...(step.thenClose === true ? { thenClose: true } : {}),
    })
    for (const one of heard) {
      if (one.what !== 'message') continue
      owed.delete(one.tag)
      if (one.by !== undefined) this.#lastAnswered.set(step.of, { tag: one.tag, host: one.by.host })
    }
    return { heard }
  }

  async #ping(bytes: number, conversation: Conversation, to: Destination): Promise<Outcome> {
    const { address } = this.#play.world.addressOf(to)
    const timeoutMs = this.#play.answerMs
    return { ping: (await this.#hostOf(conversation).ping(address, { bytes, timeoutMs })).result }
  }

  async #end(step: Step & { do: 'end' }): Promise<Outcome | undefined> {
    const socket = this.#open.get(step.of)
    if (socket === undefined) return undefined
    this.#open.delete(step.of)
    const heard: Heard[] = []
    for (const tag of this.#owed.get(step.of) ?? []) {
      if (heard.some((one) => one.what !== 'message' || one.tag === tag)) continue
      heard.push(...(await socket.hear(tag, this.#play.answerMs)))
    }
    heard.push(...(await socket.end(step.how)))
    const last = this.#lastAnswered.get(step.of)
    const conversation = conversationOf(this.#play.script, step.of)
    if (conversation.protocol === 'TCP' && last !== undefined) {
      const server = this.#play.lab.hosts.find(({ name }) => name === last.host)
      // The end of what went through a Service is not compared; the server may have its port free for the next one.
      const isDirect = conversation.to !== undefined && !isOfService(conversation.to)
      await server?.endOf(last.tag, isDirect ? this.#play.answerMs : this.#play.answerMs / 5)
    }
    return { heard }
  }

  #hostOf({ from }: Conversation): Host {
    return hostOf(this.#play.lab, listenerOfClient(from))
  }
}
