import type { RoutingTable } from '@portolan/core'
import type { NumbersChange } from './affinity-numbers.ts'
import { markerChain } from './base-chains.ts'
import type { ChainDeclaration, Setting } from './chain.ts'
import { declareFor, number } from './compile.ts'
import { Declarations } from './declarations.ts'
import { declareChains, declareSet } from './declare.ts'
import { ElementChanges, type ElementSink } from './elements.ts'
import type { Held } from './held.ts'
import { describeElements, HeldComparison } from './held-comparison.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from './layout.ts'
import type { Degraded, NftProgram, TableMemory } from './program.ts'
import { restoredNumbers } from './restored-numbers.ts'
import { changeRoute, type NumberedRoute } from './route-elements.ts'

/** The program from what the kernel holds to the whole table; the difference alone where the held table is sound. */
export function reconcile(held: Held, table: RoutingTable, setting: Setting): NftProgram {
  const memory: TableMemory = { declared: new Set(), numbers: restoredNumbers(held, table) }
  const numbers: NumbersChange = new Map()
  const degraded: Degraded[] = []
  const routes = [...table.routes.values()].map((route) => number(route, memory, numbers, degraded))
  const statics = new ElementChanges()
  const declarations = new Declarations(setting, new Set(), statics)
  declarations.base()
  for (const route of routes) declareFor(route, declarations)

  const common = {
    family: table.family,
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
  const isThere = held.chains.size > 0
  const flaws = isThere ? findFlaws(held, declarations.chains, setting) : ['there is no table']
  if (flaws.length > 0) {
    const elements = new ElementChanges()
    addAll(statics, routes, table, elements)
    return { ...common, replace: isThere, declarations: declarations.commands(), elements, findings: flaws }
  }
  for (const name of [...held.chains.keys(), ...held.sets]) memory.declared.add(name)
  const comparison = new HeldComparison(held)
  addAll(statics, routes, table, comparison)
  const elements = comparison.finish()
  const missing = declarations.chains.filter(({ name }) => !held.chains.has(name))
  return {
    ...common,
    replace: false,
    declarations: [
      ...declarations.sets.filter(({ name }) => !held.sets.has(name)).map((set) => declareSet(setting, set)),
      ...declareChains(setting, missing),
    ],
    elements,
    findings: [...missing.map(({ name }) => `chain ${name} is missing`), ...describeElements(elements)],
  }
}

/** Every element of the table. */
function addAll(
  statics: ElementChanges,
  routes: readonly NumberedRoute[],
  table: RoutingTable,
  sink: ElementSink,
): void {
  for (const { set, additions } of statics) for (const { key, value } of additions) sink.add(set, key, value)
  for (const route of routes) changeRoute(undefined, route, sink)
  for (const address of table.clusterIPs) sink.add(clusterIpSet, [address])
  for (const address of table.nodePortAddresses) sink.add(nodePortAddressSet, [address])
  for (const address of table.hairpinAddresses) sink.add(hairpinSet, [address, address])
  for (const cidr of table.serviceCidrs) sink.add(serviceCidrSet, [cidr])
}

/** Why the held table can't be mended by what is missing: another layout or setting, or rules lost or gained. */
function findFlaws(held: Held, chains: readonly ChainDeclaration[], setting: Setting): string[] {
  const marker = markerChain(setting)
  if (!held.chains.has(marker))
    return [`the table is of another version or setting: there is no chain ${marker}`]
  return chains.flatMap(({ name, hook, rules }) => {
    const count = held.chains.get(name)
    if (count === undefined) return hook === undefined ? [] : [`base chain ${name} is missing`]
    return count === rules.length ? [] : [`chain ${name}: ${count} rules instead of ${rules.length}`]
  })
}
