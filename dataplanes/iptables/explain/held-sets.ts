import type { HeldSets } from '@portolan/core'
import type { ObservedState } from '../layout/held.ts'
import { setName } from '../layout/sets.ts'

/** The table's plain sets as the kernel holds them. */
export function heldSets({ family, sets }: ObservedState): HeldSets {
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
