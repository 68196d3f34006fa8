import type { Address, Degraded, ServiceRoute, SetChange, TableChange } from '@portolan/core'
import { NumbersChange } from '../layout/affinity-numbers.ts'
import type { Setting } from '../layout/chain.ts'
import { ElementChanges } from '../layout/elements.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from '../layout/sets.ts'
import { Declarations } from './declarations.ts'
import { declare } from './declare.ts'
import { changeRoute } from './frontend-elements.ts'
import { number, numbered } from './numbered-route.ts'
import type { NftProgram, TableMemory } from './program.ts'

/** The program for a change to a table that stands. */
export function compile(change: TableChange, setting: Setting, memory: TableMemory): NftProgram {
  const elements = new ElementChanges()
  const declarations = new Declarations(setting, memory.declared)
  const numbers = new NumbersChange()
  const degraded: Degraded[] = []
  const draft = { declarations, elements }
  for (const { key, before, after } of change.routes) {
    const old = before === undefined ? undefined : numbered(before, memory.numbers.get(key))
    const now = after === undefined ? undefined : number(after, memory, numbers, degraded)
    if (before?.affinitySeconds !== undefined && now?.numbers === undefined)
      numbers.release(key, old?.numbers?.route)
    changeRoute(old, now, draft)
  }
  if (numbers.released.size > 0) {
    for (const route of waitingRoutes(change, memory)) {
      const now = number(route, memory, numbers, degraded)
      if (now.numbers === undefined) break
      changeRoute({ route }, now, draft)
    }
  }
  changeSets(change, elements)
  declarations.setsOf(elements)
  const declared = declare(setting, declarations)
  return {
    family: change.family,
    replace: false,
    declarations: declared,
    elements,
    operations: declared.length + elements.count,
    findings: [],
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
}

/** Routes that haven't changed, and that had no affinity for want of a number. */
function* waitingRoutes(change: TableChange, memory: TableMemory): Generator<ServiceRoute> {
  if (memory.numbers.waiting.size === 0) return
  const changed = new Set(change.routes.map(({ key }) => key))
  for (const key of memory.numbers.waiting) {
    const route = change.table.routes.get(key)
    if (route !== undefined && !changed.has(key)) yield route
  }
}

function changeSets(change: TableChange, elements: ElementChanges): void {
  const addresses = (values: SetChange<Address>, set: typeof clusterIpSet, twice = false) => {
    for (const address of values.removed) elements.remove(set, twice ? [address, address] : [address])
    for (const address of values.added) elements.add(set, twice ? [address, address] : [address])
  }
  addresses(change.clusterIPs, clusterIpSet)
  addresses(change.nodePortAddresses, nodePortAddressSet)
  addresses(change.hairpinAddresses, hairpinSet, true)
  for (const cidr of change.serviceCidrs.removed) elements.remove(serviceCidrSet, [cidr])
  for (const cidr of change.serviceCidrs.added) elements.add(serviceCidrSet, [cidr])
}
