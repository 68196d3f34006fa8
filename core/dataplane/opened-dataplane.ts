import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { Session } from './kernel.ts'
import type { SupervisedCalls } from './supervised-calls.ts'

/** What a dataplane has opened, and what it remembers: opened once, however many ask, and remembered until it is closed. */
export class OpenedDataplane<Handle, Memory> {
  readonly #parts: OpenableParts<Handle, Memory>
  readonly #calls: SupervisedCalls
  readonly #sessions = new Map<IpFamily, OpenSession<Handle, Memory>>()
  #opening: Promise<Handle> | undefined
  #isOpen = false
  /** How often it was closed: an `open` that ends after that opens nothing. */
  #closed = 0

  constructor(parts: OpenableParts<Handle, Memory>, calls: SupervisedCalls) {
    this.#parts = parts
    this.#calls = calls
  }

  async open(): Promise<void> {
    await this.#opened()
  }

  /** Something is open, or about to be. */
  get isOpening(): boolean {
    return this.#opening !== undefined
  }

  /** What is remembered of a family; its handle is there once it is open. */
  session(family: IpFamily): Session<Handle, Memory> {
    let session = this.#sessions.get(family)
    if (session === undefined) {
      session = { family, handle: undefined as Handle, memory: this.#parts.memory?.(family) as Memory }
      this.#sessions.set(family, session)
    }
    return session
  }

  /** Opens first, where it isn't open. The way of every apply: it waits for nothing once it is. */
  with<Result>(
    family: IpFamily,
    act: (session: Session<Handle, Memory>) => Promise<Result>,
  ): Promise<Result> {
    if (this.#isOpen) return act(this.session(family))
    return this.#opened().then(() => {
      if (!this.#isOpen) throw new Error('it was stopped while it opened')
      return act(this.session(family))
    })
  }

  /** Closes what is open; whatever is asked for next opens again and remembers nothing. */
  async close(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    this.#isOpen = false
    this.#closed++
    this.#sessions.clear()
    if (opening === undefined) return
    await this.#calls.call('close', undefined, this.#calls.deadlines.stop, async () => {
      const opened = await opening.then(
        (handle) => ({ handle }),
        () => undefined,
      )
      // What could not be opened has nothing to close.
      if (opened !== undefined) await this.#parts.kernel.close?.(opened.handle)
    })
  }

  #opened(): Promise<Handle> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<Handle> {
    const closed = this.#closed
    let running: Promise<Handle> | undefined
    const open = (): Promise<Handle> => {
      running = (async () => (await this.#parts.kernel.open?.()) as Handle)()
      return running
    }
    try {
      const handle = await this.#calls.call('open', undefined, this.#calls.deadlines.start, open)
      if (closed !== this.#closed) return handle
      for (const family of ipFamilies) (this.session(family) as OpenSession<Handle, Memory>).handle = handle
      this.#isOpen = true
      return handle
    } catch (error) {
      if (closed === this.#closed) this.#opening = undefined
      // What opens after its deadline is of no use, and must not stay open beside what the next attempt opens.
      running?.then((handle) => this.#parts.kernel.close?.(handle)).catch(() => {})
      throw error
    }
  }
}

/** What of a dataplane's parts is needed here. */
interface OpenableParts<Handle, Memory> {
  readonly kernel: { open?(): Promise<Handle>; close?(handle: Handle): Promise<void> | void }
  memory?(family: IpFamily): Memory
}

interface OpenSession<Handle, Memory> extends Session<Handle, Memory> {
  handle: Handle
}
