import type { ObservedSets } from '@portolan/core'
import type { ObservedState } from '../layout/observed-state.ts'
import { nodePortAddressSet, type SetDeclaration, serviceCidrSet } from '../layout/sets.ts'

/** The table's plain sets as the kernel holds them. */
export function observedSets({ elements }: ObservedState): ObservedSets {
  const keysOf = ({ name }: SetDeclaration): string[] => [...(elements.get(name)?.keys() ?? [])]
  return { nodePortAddresses: keysOf(nodePortAddressSet), serviceCidrs: keysOf(serviceCidrSet) }
}
