import type { IpFamily, PodSource } from '@portolan/core'
import type { Datum } from './elements.ts'
import type { SetDeclaration } from './sets.ts'

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
  /**
   * The element of a verdict map by which packets come to the chain. It is part of the declaration, so that there is no
   * chain without its element, whatever the chain was declared for.
   */
  readonly entry?: ChainEntry
}

export interface ChainEntry {
  /** A map whose values are chains. */
  readonly map: SetDeclaration
  readonly key: readonly Datum[]
}
