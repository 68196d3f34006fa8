import type { IpFamily } from '@portolan/core'

/**
 * Tells by nftables' generation, which grows by one with every transaction of any table in the network namespace,
 * whether anybody but us has committed something. One look costs microseconds, where reading the table back costs
 * half a second at 10,000 Services.
 */
export class Disturbance {
  readonly #readGeneration: () => number | undefined
  /** Transactions of ours so far. */
  #ours = 0
  /** Of ours, not settled yet: the generation may have counted them or not. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** Generation less our own transactions: moves only when somebody else commits. */
  #others: number | undefined
  /** Families that hold what we last saw or left there, if others have not moved. */
  readonly #quiet = new Set<IpFamily>()

  /** @param readGeneration gives `undefined` where it can't be told; then nothing is ever sure */
  constructor(readGeneration: () => number | undefined) {
    this.#readGeneration = readGeneration
  }

  /** Whether the family holds what it did after the last `reading` or `committing`. */
  async isQuiet(family: IpFamily): Promise<boolean> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
    return this.#look() && this.#quiet.has(family)
  }

  /** Reads a family whole. */
  async reading<Result>(family: IpFamily, read: () => Promise<Result>): Promise<Result> {
    this.#look()
    const others = this.#others
    const result = await read()
    if (others !== undefined && others === this.#others) this.#quiet.add(family)
    return result
  }

  /** Sends something that counts its transactions. One that throws has an unknown number, which disturbs. */
  async committing<Result extends { readonly transactions: number }>(
    send: () => Promise<Result>,
  ): Promise<Result> {
    this.#look()
    const sending = send()
    this.#underWay.add(sending)
    try {
      const result = await sending
      this.#ours += result.transactions
      return result
    } finally {
      this.#underWay.delete(sending)
    }
  }

  /** @returns whether it could be told */
  #look(): boolean {
    if (this.#underWay.size > 0) return false
    const generation = this.#readGeneration()
    if (generation === undefined) return false
    if (generation - this.#ours !== this.#others) this.#quiet.clear()
    this.#others = generation - this.#ours
    return true
  }
}
