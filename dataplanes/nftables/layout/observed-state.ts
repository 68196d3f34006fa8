import type { IpFamily } from '@portolan/core'

/** The chains and sets of a table, without elements. */
export interface Structure {
  /** Whether there is such a table, be it empty. */
  readonly exists: boolean
  /**
   * Why the table can't be repaired but only be replaced, as far as that shows without knowing what it should be: an
   * older layout, a set of another type, a foreign table of our name. Its elements aren't read then.
   */
  readonly flaw: string | undefined
  /** Number of rules by chain. */
  readonly chains: ReadonlyMap<string, number>
  readonly sets: ReadonlySet<string>
}

/** We set none: chains of a dormant table see no packets, and one with an owner is another process's. */
export const flaggedTable = 'the table has flags, such as dormant'

export const noTable: Structure = { exists: false, flaw: undefined, chains: new Map(), sets: new Set() }

/** Value text by key text (see elements.ts); as text, because there may be millions. */
export type ObservedElements = Map<string, string>

/** What the kernel holds of one family's table. */
export interface ObservedState extends Structure {
  readonly family: IpFamily
  /** By set name. Sets that packets fill are left out. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>
}

export function nothingObserved(family: IpFamily): ObservedState {
  return { ...noTable, family, elements: new Map() }
}
