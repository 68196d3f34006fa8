import type { IpFamily } from '@portolan/core'
import type { IptablesVariant, SavedRules } from '@portolan/native/netfilter'
import type { SetElement } from './element.ts'
import { ourFlag } from './server-flags.ts'
import type { SetName } from './sets.ts'
import type { VirtualServer } from './virtual-server.ts'

/** Our part of iptables, by table. */
export type ObservedTables = ReadonlyMap<string, SavedRules>

/** Rules of ours of the variant of iptables that is not used any more. */
export interface LeftOver {
  readonly variant: IptablesVariant
  readonly tables: ObservedTables
}

/** What everything else stands on: sets, iptables rules, the way by which marked packets are local, sysctls. */
export interface ObservedBaseRules {
  readonly rules: ObservedTables
  /** Of the variant of iptables that is not used. */
  readonly leftOver?: LeftOver
  /** Whether packets with the route mark are led to this node. */
  readonly routed: boolean
  readonly sysctls: ReadonlyMap<string, string>
}

/** What the kernel holds of one family, read back. */
export interface ObservedState {
  readonly family: IpFamily
  readonly baseRules: ObservedBaseRules
  /** All virtual servers of the family, also those of others. */
  readonly servers: readonly VirtualServer[]
  /** Of the sets that are there. */
  readonly elements: ReadonlyMap<SetName, readonly SetElement['element'][]>
}

export function nothingObserved(family: IpFamily): ObservedState {
  return {
    family,
    baseRules: { rules: new Map(), routed: false, sysctls: new Map() },
    servers: [],
    elements: new Map(),
  }
}

export function isOurs(server: VirtualServer): boolean {
  return (server.terms.flags & ourFlag) !== 0
}
