import type { IpFamily, PodSource } from '@portolan/core'

/** What all rules depend on; fixed for the life of the process. */
export interface Setting {
  readonly family: IpFamily
  readonly podSource: PodSource
  readonly masqueradeBit: number
  /** Whether each Service's name stands as a comment at one of its rules. */
  readonly comments: boolean
  /** How many sets may remember clients. */
  readonly maxClientSets: number
}

/** Rules by chain, without the `-A CHAIN`, spelled as `iptables-save` prints them. */
export type Chains = ReadonlyMap<string, readonly string[]>
