import type { ServiceCidrRecord } from '../../cluster/records.ts'
import { type Cidr, disjointCidrs, familyOf, type IpFamily } from '../../network/address.ts'
import { replaceMembers, type TouchedSets } from '../touched.ts'

/** The ranges that ClusterIPs of one family are allocated from. They stand still until `place`. */
export class ServiceRanges {
  readonly cidrs = new Set<Cidr>()
  readonly #family: IpFamily
  /** By the key of the ServiceCIDR. */
  readonly #told = new Map<string, readonly Cidr[]>()
  /** What the kernel held at the start, while nothing else is known. */
  #observed: readonly Cidr[] = []
  #isUnknown = false
  #isPending = false

  constructor(family: IpFamily) {
    this.#family = family
  }

  /** Whether `place` has anything to do. */
  get isPending(): boolean {
    return this.#isPending
  }

  /** The source may not read ServiceCIDRs, or they aren't served. */
  get isUnknown(): boolean {
    return this.#isUnknown
  }

  set({ key, cidrs }: ServiceCidrRecord): void {
    const ours = cidrs.filter((cidr) => familyOf(cidr) === this.#family)
    this.#told.set(key, ours)
    this.#isPending = true
  }

  remove(key: string): void {
    if (this.#told.delete(key)) this.#isPending = true
  }

  setReadable(readable: boolean): void {
    if (readable === !this.#isUnknown) return
    this.#isUnknown = !readable
    this.#isPending = true
  }

  /** Takes over the ranges that a predecessor left in the kernel. */
  adopt(observed: readonly Cidr[]): void {
    this.#observed = observed
    this.#isPending = true
  }

  /**
   * Brings the set up to date. Two ServiceCIDRs may name the same range, or one inside the other: the union counts
   * (SEMANTICS 13, quirk 2).
   */
  place(touched: TouchedSets['sets']): void {
    this.#isPending = false
    const all = this.#isUnknown ? this.#observed : [...this.#told.values()].flat()
    replaceMembers(this.cidrs, new Set(disjointCidrs(all)), touched.serviceCidrs)
  }
}
