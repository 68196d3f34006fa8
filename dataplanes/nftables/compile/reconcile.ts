import type { Degraded, RoutingTable } from '@portolan/core'
import { NumbersChange } from '../layout/affinity-numbers.ts'
import { markerChain } from '../layout/base-chains.ts'
import type { ChainDeclaration, ChainEntry, Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import { dataText, ElementChanges, type ElementSink } from '../layout/elements.ts'
import type { Held } from '../layout/held.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from '../layout/layout.ts'
import { number } from './compile.ts'
import { Declarations } from './declarations.ts'
import { declare } from './declare.ts'
import { describeElements, HeldComparison } from './held-comparison.ts'
import type { NftProgram, TableMemory } from './program.ts'
import { restoredNumbers } from './restored-numbers.ts'
import { changeFrontends, declareFrontends, frontendStates, type NumberedRoute } from './route-elements.ts'

/** The program from what the kernel holds to the whole table; the difference alone where the held table is sound. */
export function reconcile(held: Held, table: RoutingTable, setting: Setting): NftProgram {
  const memory: TableMemory = { declared: new Set(), numbers: restoredNumbers(held, table) }
  const numbers = new NumbersChange()
  const degraded: Degraded[] = []
  const routes = [...table.routes.values()].map((route) => number(route, memory, numbers, degraded))
  const declarations = new Declarations(setting, new Set())
  declarations.base()
  for (const route of routes) declareFrontends(frontendStates(route), declarations)
  const isThere = held.exists
  // Chains that no route needs any more stay, and the next change relies on them: they have to be as sound as the others.
  if (isThere && held.flaw === undefined) for (const chain of held.chains.keys()) declarations.named(chain)

  const common = {
    family: table.family,
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
  const flaws = isThere ? findFlaws(held, declarations.chains, setting) : ['there is no table']
  if (flaws.length > 0) {
    const elements = new ElementChanges()
    addAll(routes, table, elements)
    declarations.setsOf(elements)
    return {
      ...common,
      replace: isThere,
      declarations: declare(setting, declarations),
      elements,
      findings: flaws,
    }
  }
  for (const name of held.sets) memory.declared.add(name)
  const comparison = new HeldComparison(held)
  const missing = declarations.chains.filter(({ name }) => !held.chains.has(name))
  for (const { name, entry } of declarations.chains)
    if (entry !== undefined && held.chains.has(name)) comparison.add(entry.map, entry.key, [name])
  addAll(routes, table, comparison)
  const elements = comparison.finish()
  declarations.setsOf(elements)
  const sets = declarations.sets.filter(({ name }) => !held.sets.has(name))
  return {
    ...common,
    replace: false,
    declarations: declare(setting, { sets, chains: missing }),
    elements,
    findings: [...missing.map(({ name }) => `chain ${name} is missing`), ...describeElements(elements)],
  }
}

/** Every element of the table. */
function addAll(routes: readonly NumberedRoute[], table: RoutingTable, sink: ElementSink): void {
  for (const route of routes) changeFrontends(nothing, frontendStates(route), sink)
  for (const address of table.clusterIPs) sink.add(clusterIpSet, [address])
  for (const address of table.nodePortAddresses) sink.add(nodePortAddressSet, [address])
  for (const address of table.hairpinAddresses) sink.add(hairpinSet, [address, address])
  for (const cidr of table.serviceCidrs) sink.add(serviceCidrSet, [cidr])
}

const nothing = frontendStates(undefined)

/**
 * Why the held table can't be repaired by what is missing: another layout or setting, rules lost or gained, packets led
 * to another chain.
 */
function findFlaws(held: Held, chains: readonly ChainDeclaration[], setting: Setting): string[] {
  if (held.flaw !== undefined) return [held.flaw]
  const marker = markerChain(setting)
  if (!held.chains.has(marker))
    return [`the table is of another version or setting: there is no chain ${marker}`]
  return chains.flatMap(({ name, hook, rules, entry }) => {
    const leadsTo = entry && held.elements.get(entry.map.name)?.get(dataText(entry.key))
    if (entry !== undefined && leadsTo !== undefined && leadsTo !== name)
      return [`${entry.map.name} leads { ${keyText(entry)} } to ${leadsTo} instead of ${name}`]
    const count = held.chains.get(name)
    if (count === undefined) return hook === undefined ? [] : [`base chain ${name} is missing`]
    return count === rules.length ? [] : [`chain ${name}: ${count} rules instead of ${rules.length}`]
  })
}

function keyText({ map, key }: ChainEntry): string {
  return elementText(map, { key })
}
