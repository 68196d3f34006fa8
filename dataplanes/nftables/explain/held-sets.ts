import type { HeldSets } from '@portolan/core'
import type { ObservedState } from '../layout/held.ts'
import { nodePortAddressSet, type SetDeclaration, serviceCidrSet } from '../layout/sets.ts'

/** The table's plain sets as the kernel holds them. */
export function heldSets({ elements }: ObservedState): HeldSets {
  const keysOf = ({ name }: SetDeclaration): string[] => [...(elements.get(name)?.keys() ?? [])]
  return { nodePortAddresses: keysOf(nodePortAddressSet), serviceCidrs: keysOf(serviceCidrSet) }
}
