import type { ObservedSets } from '@portolan/core'
import type { ObservedState } from '../layout/observed-state.ts'
import { setName } from '../layout/sets.ts'

/** The table's plain sets as the kernel holds them. */
export function observedSets({ family, sets }: ObservedState): ObservedSets {
  const elementsOf = (kind: Parameters<typeof setName>[1]): string[] => [
    ...(sets.get(setName(family, kind)) ?? []),
  ]
  const length = family === 'IPv4' ? 32 : 128
  return {
    nodePortAddresses: elementsOf('nodeport-addresses'),
    // ipset prints a range of one address as that address.
    serviceCidrs: elementsOf('service-cidrs').map((text) =>
      text.includes('/') ? text : `${text}/${length}`,
    ),
  }
}
