import type { IpFamily } from '@portolan/core'
import type { SetElement } from './element.ts'
import { ourFlag, type SetName } from './layout.ts'
import type { HeldSkeleton } from './skeleton.ts'
import type { VirtualServer } from './virtual-server.ts'

/** What the kernel holds of one family, read back. */
export interface Held {
  readonly family: IpFamily
  readonly skeleton: HeldSkeleton
  /** All virtual servers of the family, also those of others. */
  readonly servers: readonly VirtualServer[]
  /** Of the sets that are there. */
  readonly elements: ReadonlyMap<SetName, readonly SetElement['element'][]>
}

export function nothingHeld(family: IpFamily): Held {
  return {
    family,
    skeleton: { rules: new Map(), routed: false, sysctls: new Map() },
    servers: [],
    elements: new Map(),
  }
}

export function isOurs(server: VirtualServer): boolean {
  return (server.terms.flags & ourFlag) !== 0
}
