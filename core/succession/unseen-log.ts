import type { Logger } from '../log/logger.ts'

/** Tells of whom it can't be told whether they have left rules here. */
export class UnseenLog {
  readonly #logger: Logger
  readonly #period: number
  #unseen: readonly string[] = []
  #told = ''

  /** @param period milliseconds between two looks */
  constructor(logger: Logger, period: number) {
    this.#logger = logger
    this.#period = period
  }

  /** Whether the last look could tell of everybody. */
  get isEmpty(): boolean {
    return this.#unseen.length === 0
  }

  /** Told once for each set; what can't be told once, as when a tool took too long on a busy node, is no news. */
  see(unseen: readonly string[]): void {
    const still = unseen.filter((one) => this.#unseen.includes(one))
    this.#unseen = unseen
    const text = still.join('; ')
    if (text === '' || text === this.#told) return
    this.#told = text
    this.#logger.warn(
      { event: 'predecessor-unseen', unseen: still },
      `whether rules of others stand on this node can't be told: of ${text}. They would stay, and are looked for again each ` +
        `${this.#period / 1000} s`,
    )
  }
}
