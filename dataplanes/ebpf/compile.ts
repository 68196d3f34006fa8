import type { Address, SetChange, TableChange } from '@portolan/core'
import type { AddressSet, AddressStep, EbpfProgram } from './program.ts'

/** The program for a change to a table that stands. */
export function compile(change: TableChange): EbpfProgram {
  return {
    family: change.family,
    podSource: change.table.podSource,
    routes: change.routes,
    addresses: [
      ...addressSteps('clusterIP', change.clusterIPs),
      ...addressSteps('nodePortAddress', change.nodePortAddresses),
      ...addressSteps('localAddress', change.localAddresses),
    ],
    ranges: [
      ...change.serviceCidrs.added.map((cidr) => ({ cidr, present: true })),
      ...change.serviceCidrs.removed.map((cidr) => ({ cidr, present: false })),
    ],
    elements: [],
    attach: [],
  }
}

function addressSteps(set: AddressSet, { added, removed }: SetChange<Address>): AddressStep[] {
  return [
    ...added.map((address) => ({ set, address, present: true })),
    ...removed.map((address) => ({ set, address, present: false })),
  ]
}
