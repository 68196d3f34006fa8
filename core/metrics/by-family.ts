import { type IpFamily, ipFamilies } from '../network/address.ts'

/** What is kept for each family, made when the family is first heard of: a node without it doesn't show it. */
export class ByFamily<Kept> {
  readonly #make: (family: IpFamily) => Kept
  readonly #kept: Partial<Record<IpFamily, Kept>> = {}

  constructor(make: (family: IpFamily) => Kept) {
    this.#make = make
  }

  of(family: IpFamily): Kept {
    const kept = this.#kept[family]
    if (kept !== undefined) return kept
    const made = this.#make(family)
    this.#kept[family] = made
    return made
  }

  /** A reading of each family, with the label that kube-proxy gives it. */
  readings(
    read: (kept: Kept, family: IpFamily) => number,
  ): (readonly [{ readonly ip_family: IpFamily }, number])[] {
    return ipFamilies.flatMap((family) => {
      const kept = this.#kept[family]
      return kept === undefined ? [] : [[{ ip_family: family }, read(kept, family)] as const]
    })
  }
}
