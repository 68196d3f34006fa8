import type { Address, ServiceRoute, SetChange, TableChange } from '@portolan/core'
import { fallbackDevice } from '../layout/node-elements.ts'
import { bufferOf, type NodeState } from '../layout/observed-state.ts'
import {
  type AddressSet,
  type AddressStep,
  countOperations,
  type EbpfProgram,
  unsupported,
} from './program.ts'

/**
 * The program for a change to a table that stands.
 *
 * @param interfaces of the node, as they were last read
 */
export function compile(change: TableChange, interfaces: NodeState['interfaces']): EbpfProgram {
  const steps = {
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
    elements: fallbackSteps(change, interfaces),
    attach: [],
  }
  return {
    family: change.family,
    table: change.table,
    ...steps,
    operations: countOperations(steps),
    findings: [],
    degraded: change.routes.flatMap(({ after }) => degradedBy(after)),
  }
}

/** An interface without an address masquerades as the first address at which NodePorts answer. */
function fallbackSteps(
  { table, nodePortAddresses }: TableChange,
  interfaces: NodeState['interfaces'],
): EbpfProgram['elements'] {
  if (nodePortAddresses.added.length + nodePortAddresses.removed.length === 0) return []
  const { key, value } = fallbackDevice(table, interfaces)
  return [{ map: 'devices', key: bufferOf(key), ...(value === undefined ? {} : { value: bufferOf(value) }) }]
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
