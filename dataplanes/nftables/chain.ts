import type { IpFamily, PodSource } from '@portolan/core'

/** What the static chains depend on; fixed for the life of the process. */
export interface Setting {
  readonly family: IpFamily
  readonly podSource: PodSource
  readonly masqueradeBit: number
}

/** A chain with its rules, in nft's language. */
export interface ChainDeclaration {
  readonly name: string
  /** `type nat hook ...` for a base chain. */
  readonly hook?: string
  readonly comment?: string
  readonly rules: readonly string[]
}
