/** Milliseconds that a look waits for our own transactions: below the deadline of `isUnchanged`, and a whole reading costs more. */
const maxWait = 2000

/**
 * Tells by nf_tables' generation, which grows by one with every transaction of any table in the network namespace,
 * whether others have committed something. One look costs microseconds, where reading tables back costs up to a second.
 */
export class GenerationWatch {
  readonly #readGeneration: () => number | undefined
  readonly #onOthers: () => void
  /** Transactions of ours so far. */
  #ours = 0
  /** Of ours, not settled yet: the generation may have counted them or not. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** Generation less our own transactions: moves only when others commit. */
  #others: number | undefined

  /**
   * @param readGeneration gives `undefined` where it can't be told
   * @param onOthers is called by a look which finds that others have committed something, and by the first one
   */
  constructor(readGeneration: () => number | undefined, onOthers: () => void) {
    this.#readGeneration = readGeneration
    this.#onOthers = onOthers
  }

  /** Stays the same between two looks as long as others commit nothing; `undefined`: it was never told. */
  get others(): number | undefined {
    return this.#others
  }

  /** Looks for commits of others. @returns whether it could be told; never while a transaction of ours is under way */
  look(): boolean {
    if (this.#underWay.size > 0) return false
    const generation = this.#readGeneration()
    if (generation === undefined) return false
    if (generation - this.#ours !== this.#others) this.#onOthers()
    this.#others = generation - this.#ours
    return true
  }

  /**
   * Sends something that counts its transactions. One that throws has an unknown number: others seem to have committed.
   *
   * @param onDone is called with the result before anyone who awaits `settled`
   */
  async committing<Result extends { readonly transactions: number }>(
    send: () => Promise<Result>,
    onDone: (result: Result) => void = () => {},
  ): Promise<Result> {
    const sending = send()
    this.#underWay.add(sending)
    try {
      const result = await sending
      this.#ours += result.transactions
      onDone(result)
      return result
    } finally {
      this.#underWay.delete(sending)
    }
  }

  /**
   * Waits until no transaction of ours is under way, but no longer than a quick look may take: a family's first load may
   * take seconds, and must not hold up the other family's changes.
   *
   * @returns whether there is none
   */
  async settled(): Promise<boolean> {
    if (this.#underWay.size === 0) return true
    const { promise: timeUp, resolve } = Promise.withResolvers<void>()
    let isTimeUp = false
    const timer = setTimeout(() => {
      isTimeUp = true
      resolve()
    }, maxWait)
    try {
      while (this.#underWay.size > 0 && !isTimeUp)
        await Promise.race([Promise.allSettled(this.#underWay), timeUp])
      return this.#underWay.size === 0
    } finally {
      clearTimeout(timer)
    }
  }
}
