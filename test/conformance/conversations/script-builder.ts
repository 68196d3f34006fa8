import type { Client } from '../matrix-case.ts'
import type { Conversation, Destination, LocalPort, Script, Step } from './conversation.ts'

/** Writes scripts by hand: each call is what a socket does next. */
export class ScriptBuilder {
  readonly #conversations: Conversation[] = []
  readonly #steps: Step[] = []

  get script(): Script {
    return { conversations: this.#conversations, steps: this.#steps }
  }

  /** A socket that is connected to one peer. */
  connect(from: Client, protocol: 'TCP' | 'UDP', port: LocalPort, to: Destination): Speaker {
    return this.#open({ from, protocol, port, to })
  }

  /** A UDP socket that speaks to many. */
  open(from: Client, port: LocalPort): Speaker {
    return this.#open({ from, protocol: 'UDP', port })
  }

  ping(from: Client, to: Destination, ...sizes: readonly number[]): void {
    const id = this.#conversations.length
    this.#conversations.push({ id, from, protocol: 'ICMP', port: { slot: 0 }, to })
    for (const bytes of sizes) this.#steps.push({ of: id, do: 'ping', bytes })
  }

  #open(given: Omit<Conversation, 'id'>): Speaker {
    const id = this.#conversations.length
    this.#conversations.push({ id, ...given })
    this.#steps.push({ of: id, do: 'open' })
    return new Speaker(id, this.#steps)
  }
}

/** One socket of a script. */
export class Speaker {
  readonly #id: number
  readonly #steps: Step[]

  constructor(id: number, steps: Step[]) {
    this.#id = id
    this.#steps = steps
  }

  say(bytes = 20, to?: Destination, more: { readonly hurries?: true; readonly thenClose?: true } = {}): this {
    this.#steps.push({ of: this.#id, do: 'say', bytes, ...(to === undefined ? {} : { to }), ...more })
    return this
  }

  end(how: 'finish' | 'reset' = 'reset'): void {
    this.#steps.push({ of: this.#id, do: 'end', how })
  }
}
