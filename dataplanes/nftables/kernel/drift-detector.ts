import type { IpFamily } from '@portolan/core'
import { GenerationWatch } from '@portolan/native/netfilter'

/** Remembers which families hold what we last saw or left there, as long as others commit nothing. */
export class DriftDetector {
  readonly #watch: GenerationWatch
  readonly #unchanged = new Set<IpFamily>()

  /** @param readGeneration gives `undefined` where it can't be told; then nothing is ever sure */
  constructor(readGeneration: () => number | undefined) {
    this.#watch = new GenerationWatch(readGeneration, () => this.#unchanged.clear())
  }

  /** Whether the family holds what it did after the last `reading` or `committing`. */
  async isUnchanged(family: IpFamily): Promise<boolean> {
    return (await this.#watch.settled()) && this.#watch.look() && this.#unchanged.has(family)
  }

  /** Reads a family whole. */
  async reading<Result>(family: IpFamily, read: () => Promise<Result>): Promise<Result> {
    this.#watch.look()
    const { others } = this.#watch
    const result = await read()
    if (others !== undefined && others === this.#watch.others) this.#unchanged.add(family)
    return result
  }

  /** Sends something that counts its transactions. One that throws has an unknown number and counts as drift. */
  async committing<Result extends { readonly transactions: number }>(
    send: () => Promise<Result>,
  ): Promise<Result> {
    this.#watch.look()
    return this.#watch.committing(send)
  }
}
