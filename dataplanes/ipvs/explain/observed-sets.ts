import { frontendKey, type ObservedSets, type RoutingTable } from '@portolan/core'
import { type Destination, destinationKey } from '../layout/element.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { destinationSets } from '../layout/sets.ts'

/**
 * The table's plain sets as the kernel holds them. Of NodePorts the kernel has a destination at each of the node's
 * addresses, and nothing says of one that it is a NodePort's; the table's NodePorts do.
 */
export function observedSets({ elements }: ObservedState, table: RoutingTable): ObservedSets {
  const addresses = new Set<string>()
  for (const set of destinationSets) {
    for (const element of elements.get(set) ?? [])
      if ('destination' in element && isOfNodePort(element.destination, table))
        addresses.add(element.destination.address)
  }
  const cidrs = elements.get('SERVICE-CIDRS') ?? []
  return {
    nodePortAddresses: [...addresses],
    serviceCidrs: cidrs.flatMap((element) => ('cidr' in element ? [element.cidr] : [])),
  }
}

function isOfNodePort(destination: Destination, { frontends }: RoutingTable): boolean {
  const { protocol, port } = destination
  return frontends.has(frontendKey(undefined, protocol, port)) && !frontends.has(destinationKey(destination))
}
