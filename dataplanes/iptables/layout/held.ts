import type { IpFamily } from '@portolan/core'
import type { RouteLocalnet } from '../kernel/route-localnet.ts'
import type { Variant } from '../kernel/variant.ts'
import type { TableName } from './base-chains.ts'

/** What a table holds of ours. */
export interface HeldTable {
  readonly chains: ReadonlyMap<string, readonly string[]>
  /** Rules in the kernel's own chains that lead to ours, without `-A`. */
  readonly jumps: readonly string[]
}

/** What the kernel holds of one family. */
export interface Held {
  readonly family: IpFamily
  readonly tables: Readonly<Record<TableName, HeldTable>>
  /** Elements of our sets by name; those of sets that packets fill are left out. */
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>
  /** Names of ours that sets of another type have: of another version, or somebody's. Their elements mean nothing. */
  readonly otherSets: readonly string[]
  /** Whether conntrack takes every TCP segment for valid (nf_conntrack_tcp_be_liberal). */
  readonly liberal: boolean
  readonly routeLocalnet: RouteLocalnet
  /** The other variant, if it has rules of ours too: somebody has changed the setting, or what the node uses. */
  readonly leftOver?: Variant
}

const nothing: HeldTable = { chains: new Map(), jumps: [] }

export function nothingHeld(family: IpFamily): Held {
  return {
    family,
    tables: { nat: nothing, filter: nothing },
    sets: new Map(),
    otherSets: [],
    liberal: false,
    routeLocalnet: 'off',
  }
}
