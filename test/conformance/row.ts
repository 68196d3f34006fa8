import type { Feature, IpFamily } from '@portolan/core'

/** `basics` is what no dataplane may lack; everything else can be declared as a gap. */
export type RowFeature = Feature | 'basics'

/** One line of the matrix, before it is run: a claim about behaviour. */
export interface RowClaim {
  readonly feature: RowFeature
  /** A sentence, unique in the kit. */
  readonly name: string
}

/** One line of the matrix, for one family and protocol. */
export interface Row extends RowClaim {
  readonly family: IpFamily
  /** `any`: the claim is not about one. */
  readonly protocol: 'TCP' | 'UDP' | 'any'
  /** `gap`: declared by the dataplane, so that its failure is no failure. */
  readonly outcome: 'passed' | 'failed' | 'gap'
  /** What was seen instead of what was due; for a gap its sentence. Empty: nothing to tell. */
  readonly detail: string
}

/** Where a scenario puts what it finds out: one verdict for each claim, family and protocol. */
export interface Verdict {
  readonly claim: RowClaim
  readonly family: IpFamily
  readonly protocol: Row['protocol']
  /** What was wrong, in words; empty: all was right. */
  readonly failures: readonly string[]
}
