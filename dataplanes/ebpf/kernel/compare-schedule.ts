import type { IpFamily } from '@portolan/core'

/** Everything is compared this often at most, in milliseconds, and for one part in so many of the time. */
const leastPeriod = 60_000
const share = 1000

/** When a family's maps are to be read back whole again: the dearer that was, the later. */
export class CompareSchedule {
  /** When a family was last read back, and how long that took, in milliseconds. */
  readonly #compared = new Map<IpFamily, { readonly at: number; readonly cost: number }>()

  /** A family has been read back whole, from `begun` until now. */
  compared(family: IpFamily, begun: number): void {
    this.#compared.set(family, { at: begun, cost: performance.now() - begun })
  }

  /** Also where the family has never been read back. */
  isDue(family: IpFamily): boolean {
    const compared = this.#compared.get(family)
    return (
      compared === undefined || performance.now() - compared.at > Math.max(leastPeriod, compared.cost * share)
    )
  }

  clear(): void {
    this.#compared.clear()
  }
}
