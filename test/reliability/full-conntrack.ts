import { setTimeout as sleep } from 'node:timers/promises'
import { ConntrackEntries, type ConntrackEntry } from '@portolan/lab'
import { SystemCallError } from '@portolan/native'

const mark = 0x70
/** Entries between two looks at what else there is to do, and milliseconds between two looks for room. */
const [atOnce, againMs] = [5000, 100]

/**
 * A network namespace with as many tracked connections as the machine allows one to have (`nf_conntrack_max`), none of
 * which makes room for another. It stays full, whatever ends meanwhile, until this is disposed of.
 */
export class FullConntrack implements AsyncDisposable {
  readonly #entries: ConntrackEntries
  readonly #more: Iterator<ConntrackEntry>
  readonly #ended = new AbortController()
  #keeping: Promise<void> = Promise.resolve()

  private constructor(networkNamespace: string) {
    this.#entries = new ConntrackEntries('IPv4', networkNamespace)
    this.#more = strangers()
  }

  /** Resolves when it is full. */
  static async of(networkNamespace: string): Promise<FullConntrack> {
    const full = new FullConntrack(networkNamespace)
    await full.#fill()
    full.#keeping = full.#keep()
    return full
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    try {
      await this.#keeping
      this.#entries.removeMarked(mark)
    } finally {
      this.#entries.close()
    }
  }

  async #keep(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#fill()
      await sleep(againMs)
    }
  }

  /** Until the kernel takes no more. */
  async #fill(): Promise<void> {
    for (;;) {
      try {
        this.#entries.add(this.#next(atOnce))
      } catch (error) {
        if (error instanceof SystemCallError && error.code === 'ENOMEM') return
        throw error
      }
      await sleep(0)
    }
  }

  *#next(count: number): Generator<ConntrackEntry> {
    for (let index = 0; index < count; index++) {
      const { value, done } = this.#more.next()
      if (done === true) return
      yield value
    }
  }
}

/** Connections of others, all different: none is between hosts that there are. */
function* strangers(): Generator<ConntrackEntry> {
  for (let number = 0; ; number++) {
    const [port, high, low] = [1024 + ((number >> 16) % 64_000), (number >> 8) & 255, number & 255]
    const source = `198.18.${high}.${low} ${port}`
    yield { protocol: 'TCP', source, destination: '192.0.2.1 80', assured: true, mark }
  }
}
