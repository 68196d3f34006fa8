import type { Address, ServiceRoute, SetChange, TableChange } from '@portolan/core'
import { type AddressSet, type AddressStep, type EbpfProgram, unsupported } from './program.ts'

/** The program for a change to a table that stands. */
export function compile(change: TableChange): EbpfProgram {
  return {
    family: change.family,
    table: change.table,
    routes: change.routes.filter(({ before, after }) => isServed(before ?? after)),
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
    degraded: change.routes.flatMap(({ after }) => degradedBy(after)),
  }
}

function isServed(route: ServiceRoute | undefined): boolean {
  return route !== undefined && unsupported(route) === undefined
}

/** What is to be told about a route that can't be served. */
export function degradedBy(route: ServiceRoute | undefined): EbpfProgram['degraded'] {
  const reason = route === undefined ? undefined : unsupported(route)
  return route === undefined || reason === undefined ? [] : [{ route: route.key, reason }]
}

function addressSteps(set: AddressSet, { added, removed }: SetChange<Address>): AddressStep[] {
  return [
    ...added.map((address) => ({ set, address, present: true })),
    ...removed.map((address) => ({ set, address, present: false })),
  ]
}
