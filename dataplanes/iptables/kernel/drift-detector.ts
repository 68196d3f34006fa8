import type { IpFamily } from '@portolan/core'
import { GenerationWatch } from '@portolan/native/netfilter'

/** Sees at a glance whether something changed in the kernel. */
export interface KernelFingerprint {
  /**
   * A number that grows by one with each transaction on either family's rules, of whatever origin; `undefined` where the
   * kernel doesn't count them.
   */
  generation(): number | undefined
  /**
   * What a family's rules and sets look like from outside: how many there are. `undefined`: they changed while they were
   * looked at.
   */
  shape(family: IpFamily): string | undefined
  close(): void
}

/** After so many milliseconds a look from outside is not enough: what was replaced one for one looks the same. */
const lookInsideAfter = 60_000

/**
 * Tells whether any other tool has changed something, by what costs microseconds, where reading all back costs a second
 * at 10,000 Services.
 */
export class DriftDetector {
  readonly #fingerprint: KernelFingerprint
  readonly #watch: GenerationWatch
  readonly #now: () => number
  /** The shape in which we last saw or left a family, as long as nothing else has changed it. */
  readonly #shapes = new Map<IpFamily, string>()
  readonly #lookedInside = new Map<IpFamily, number>()

  /** @param now milliseconds on a clock that never goes back */
  constructor(fingerprint: KernelFingerprint, now: () => number = () => performance.now()) {
    this.#fingerprint = fingerprint
    this.#watch = new GenerationWatch(
      () => fingerprint.generation(),
      () => this.#shapes.clear(),
    )
    this.#now = now
  }

  /** Whether a family holds what it did after the last `reading` or `applying`. */
  async isQuiet(family: IpFamily): Promise<boolean> {
    if (!(await this.#watch.settled())) return false
    this.#watch.look()
    const looked = this.#lookedInside.get(family)
    if (looked === undefined || this.#now() - looked > lookInsideAfter) return false
    return this.#looksUntouched(family)
  }

  /** Reads a family whole. */
  async reading<Result>(family: IpFamily, read: () => Promise<Result>): Promise<Result> {
    this.#watch.look()
    const { others } = this.#watch
    const shape = this.#fingerprint.shape(family)
    const result = await read()
    // Meanwhile a look for the other family may have seen what others did, which this reading may have come too early for.
    this.#know(family, others === this.#watch.others ? shape : undefined)
    this.#lookedInside.set(family, this.#now())
    return result
  }

  /** Changes a family's rules by something that counts its transactions. */
  async applying<Result extends { readonly transactions: number }>(
    family: IpFamily,
    apply: () => Promise<Result>,
  ): Promise<Result> {
    this.#watch.look()
    const wasUntouched = this.#looksUntouched(family)
    this.#shapes.delete(family)
    return this.#watch.committing(apply, () => {
      if (wasUntouched) this.#know(family, this.#fingerprint.shape(family))
    })
  }

  close(): void {
    this.#fingerprint.close()
  }

  #know(family: IpFamily, shape: string | undefined): void {
    if (shape === undefined) this.#shapes.delete(family)
    else this.#shapes.set(family, shape)
  }

  #looksUntouched(family: IpFamily): boolean {
    const shape = this.#shapes.get(family)
    return shape !== undefined && shape === this.#fingerprint.shape(family)
  }
}
