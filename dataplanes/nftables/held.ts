import type { IpFamily } from '@portolan/core'
import type { Element } from './elements.ts'

/** What the kernel holds of one family's table. */
export interface Held {
  readonly family: IpFamily
  /** By name, with the number of rules in each. Empty: there is no table. */
  readonly chains: ReadonlyMap<string, number>
  readonly sets: ReadonlySet<string>
  /** By set name, then by key. Sets that packets fill are left out. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, Element>>
}

export function nothingHeld(family: IpFamily): Held {
  return { family, chains: new Map(), sets: new Set(), elements: new Map() }
}
