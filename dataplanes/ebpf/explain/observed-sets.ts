import type { ObservedSets } from '@portolan/core'
import { rangeCidr } from '../compile/element-text.ts'
import { addressText } from '../layout/address-bytes.ts'
import { bufferOf, type ObservedState } from '../layout/observed-state.ts'
import { frontendKind, rangeScope, structs } from '../layout/structures.ts'

/** The table's plain sets as the maps hold them. */
export function observedSets({ frontends, ranges }: ObservedState): ObservedSets {
  const nodePortAddresses: string[] = []
  for (const bytes of frontends.keys()) {
    const key = bufferOf(bytes)
    const { at } = structs.frontend_key
    if (key[at.kind] === frontendKind.nodePortAddress) nodePortAddresses.push(addressText(key, at.address))
  }
  const serviceCidrs: string[] = []
  for (const bytes of ranges) {
    const key = bufferOf(bytes)
    if (key.readUInt32BE(structs.range_key.at.scope) === rangeScope.unallocated)
      serviceCidrs.push(rangeCidr(key))
  }
  return { nodePortAddresses, serviceCidrs }
}
