import type { IpFamily } from '@portolan/core'
import { type IptablesVariant, noRules, type SavedRules } from '@portolan/native/netfilter'
import type { TableName } from './base-chains.ts'
import type { RouteLocalnet } from './route-localnet.ts'

/** What the kernel holds of one family. */
export interface ObservedState {
  readonly family: IpFamily
  readonly tables: Readonly<Record<TableName, SavedRules>>
  /** Elements of our sets by name; those of sets that packets fill are left out. */
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>
  /**
   * Names of ours that sets of another type have, of another version or another tool's, and stand-ins that a process left
   * when it ended. Their elements mean nothing.
   */
  readonly otherSets: readonly string[]
  /** Names of ours that sets of the right type and of another size have: of another version. Rules may refer to them. */
  readonly resizedSets: readonly string[]
  /** Whether conntrack takes every TCP segment for valid (nf_conntrack_tcp_be_liberal). */
  readonly liberal: boolean
  readonly routeLocalnet: RouteLocalnet
  /** The other variant, if it has rules of ours too: the setting was changed, or what the node uses. */
  readonly leftOver?: IptablesVariant
}

export function nothingObserved(family: IpFamily): ObservedState {
  return {
    family,
    tables: { nat: noRules, filter: noRules },
    sets: new Map(),
    otherSets: [],
    resizedSets: [],
    liberal: false,
    routeLocalnet: 'off',
  }
}
