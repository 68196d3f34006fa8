import type { Feature, IpFamily } from '@portolan/core'
import type { Protocol } from '@portolan/lab'

/** `basics` is what no dataplane may lack; everything else can be declared as a gap. */
export type RowFeature = Feature | 'basics'

/** One line of the matrix, before it is run: a claim about behaviour. */
export interface RowClaim {
  readonly feature: RowFeature
  /** Further features without which it can't hold: a gap of any of them is the row's. */
  readonly also?: readonly Feature[]
  /** Features of which it needs any one: it is a gap where all of them are. */
  readonly oneOf?: readonly Feature[]
  /** A sentence, unique in the kit. */
  readonly name: string
  /**
   * Of the features that it needs, those without which it also holds, or may by luck: that it passes doesn't refute a gap
   * of them. A row that passes in spite of any other gap fails until that is taken back.
   */
  readonly holdsWithout?: readonly Feature[]
}

/** One line of the matrix, for one family and protocol. */
export interface Row extends RowClaim {
  readonly family: IpFamily
  /** `any`: the claim is not about one. */
  readonly protocol: Protocol | 'any'
  /**
   * `gap`: declared by the dataplane, so that its failure is no failure. `unproved`: this kernel lacks what it takes to
   * ask.
   */
  readonly outcome: 'passed' | 'failed' | 'gap' | 'unproved'
  /** What was seen instead of what was due; for a gap its sentence; what the kernel lacks. Empty: nothing to tell. */
  readonly detail: string
  /** The declared gap that is none, since the row passes: that is its failure. */
  readonly refutes?: Feature
}

/** Where a scenario puts what it finds out: one verdict for each claim, family and protocol. */
export interface Verdict {
  readonly claim: RowClaim
  readonly family: IpFamily
  readonly protocol: Row['protocol']
  /** What was wrong, in words; empty: all was right. */
  readonly failures: readonly string[]
}
