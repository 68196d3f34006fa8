import type { TableChange } from '@portolan/core'
import { fallbackDevice } from '../layout/node-elements.ts'
import { bufferOf, type NodeState } from '../layout/observed-state.ts'
import {
  type AddressSet,
  type AddressStep,
  countOperations,
  type EbpfProgram,
  type RangeStep,
  type RouteStep,
  unsupported,
} from './program.ts'

/**
 * The program for a change to a table that stands. On the way of every change, most of which are one route and no member
 * of any set: it makes what the program needs, and no lists on the way there.
 *
 * @param interfaces gives those of the node, as they were last read; few changes ask for them
 */
export function compile(change: TableChange, interfaces: () => NodeState['interfaces']): EbpfProgram {
  const routes: RouteStep[] = []
  const degraded: EbpfProgram['degraded'][number][] = []
  for (const step of change.routes) {
    const { key, before, after } = step
    const reason = unsupported(after ?? before)
    if (reason === undefined) routes.push(step)
    else if (after !== undefined) degraded.push({ route: key, reason })
  }
  const addresses: AddressStep[] = []
  for (const [set, name] of addressSets) {
    for (const address of change[name].added) addresses.push({ set, address, present: true })
    for (const address of change[name].removed) addresses.push({ set, address, present: false })
  }
  const ranges: RangeStep[] = []
  for (const cidr of change.serviceCidrs.added) ranges.push({ cidr, present: true })
  for (const cidr of change.serviceCidrs.removed) ranges.push({ cidr, present: false })
  const { family, table } = change
  const steps = { routes, addresses, ranges, elements: fallbackSteps(change, interfaces), attach: [] }
  return { family, table, ...steps, operations: countOperations(steps), findings: [], degraded }
}

const addressSets = [
  ['clusterIP', 'clusterIPs'],
  ['nodePortAddress', 'nodePortAddresses'],
  ['localAddress', 'localAddresses'],
] as const satisfies readonly (readonly [AddressSet, keyof TableChange])[]

/** An interface without an address masquerades as the first address at which NodePorts answer. */
function fallbackSteps(
  { table, nodePortAddresses }: TableChange,
  interfaces: () => NodeState['interfaces'],
): EbpfProgram['elements'] {
  if (nodePortAddresses.added.length + nodePortAddresses.removed.length === 0) return []
  const { key, value } = fallbackDevice(table, interfaces())
  return [{ map: 'devices', key: bufferOf(key), ...(value === undefined ? {} : { value: bufferOf(value) }) }]
}
