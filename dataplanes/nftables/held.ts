import type { IpFamily } from '@portolan/core'

/** The chains and sets of a table, without elements. */
export interface Structure {
  /** Number of rules by chain. Empty: there is no table. */
  readonly chains: ReadonlyMap<string, number>
  readonly sets: ReadonlySet<string>
}

/** Value text by key text (see elements.ts); as text, because there may be millions. */
export type HeldElements = Map<string, string>

/** What the kernel holds of one family's table. */
export interface Held extends Structure {
  readonly family: IpFamily
  /** By set name. Sets that packets fill are left out. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>
}

export function nothingHeld(family: IpFamily): Held {
  return { family, chains: new Map(), sets: new Set(), elements: new Map() }
}
