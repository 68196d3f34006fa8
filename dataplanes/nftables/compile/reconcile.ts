import type { Degraded, RoutingTable } from '@portolan/core'
import { NumbersChange } from '../layout/affinity-numbers.ts'
import { markerChain } from '../layout/base-chains.ts'
import type { ChainDeclaration, ChainEntry, Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import { dataText, ElementChanges, type ElementSink } from '../layout/elements.ts'
import type { ObservedState } from '../layout/held.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from '../layout/sets.ts'
import { Declarations } from './declarations.ts'
import { declare } from './declare.ts'
import { changeRoute, type Draft } from './frontend-elements.ts'
import { describeElements, HeldComparison } from './held-comparison.ts'
import { type NumberedRoute, number } from './numbered-route.ts'
import type { NftProgram, TableMemory } from './program.ts'
import { restoredNumbers } from './restored-numbers.ts'

/** The program from what the kernel holds to the whole table; the difference alone where the held table is sound. */
export function reconcile(held: ObservedState, table: RoutingTable, setting: Setting): NftProgram {
  const memory: TableMemory = { declared: new Set(), numbers: restoredNumbers(held, table) }
  const numbers = new NumbersChange()
  const degraded: Degraded[] = []
  const routes = [...table.routes.values()].map((route) => number(route, memory, numbers, degraded))
  const declarations = new Declarations(setting, new Set())
  declarations.base()
  const writeAll = (elements: ElementSink) => {
    addAll(routes, table, { declarations, elements })
    // Chains that no route needs any more stay, and the next change relies on them: they have to be as sound as the others.
    if (held.exists && held.flaw === undefined)
      for (const chain of held.chains.keys()) declarations.named(chain)
  }
  const common = {
    family: table.family,
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
  const flaws = tableFlaws(held, setting)
  if (flaws.length === 0) {
    const comparison = new HeldComparison(held)
    writeAll(comparison)
    flaws.push(...chainFlaws(held, declarations.chains))
    if (flaws.length === 0) {
      for (const name of held.sets) memory.declared.add(name)
      return { ...common, ...repair(held, declarations, comparison, setting) }
    }
  }
  const elements = new ElementChanges()
  writeAll(elements)
  declarations.setsOf(elements)
  const declared = declare(setting, declarations)
  return {
    ...common,
    replace: held.exists,
    declarations: declared,
    elements,
    operations: declared.length + elements.count + (held.exists ? 1 : 0),
    findings: flaws,
  }
}

/** What the held table lacks or has too much. */
function repair(
  held: ObservedState,
  declarations: Declarations,
  comparison: HeldComparison,
  setting: Setting,
) {
  for (const { name, entry } of declarations.chains)
    if (entry !== undefined && held.chains.has(name)) comparison.add(entry.map, entry.key, [name])
  const elements = comparison.finish()
  const chains = declarations.chains.filter(({ name }) => !held.chains.has(name))
  declarations.setsOf(elements)
  const sets = declarations.sets.filter(({ name }) => !held.sets.has(name))
  const declared = declare(setting, { sets, chains })
  return {
    replace: false,
    declarations: declared,
    elements,
    operations: declared.length + elements.count,
    findings: [...chains.map(({ name }) => `chain ${name} is missing`), ...describeElements(elements)],
  }
}

/** Every element of the table, and the chains that they lead to. */
function addAll(routes: readonly NumberedRoute[], table: RoutingTable, draft: Draft): void {
  for (const route of routes) changeRoute(undefined, route, draft)
  const { elements } = draft
  for (const address of table.clusterIPs) elements.add(clusterIpSet, [address])
  for (const address of table.nodePortAddresses) elements.add(nodePortAddressSet, [address])
  for (const address of table.hairpinAddresses) elements.add(hairpinSet, [address, address])
  for (const cidr of table.serviceCidrs) elements.add(serviceCidrSet, [cidr])
}

/** Why nothing of the held table can stay: there is none, or it is of another layout or setting. */
function tableFlaws(held: ObservedState, setting: Setting): string[] {
  if (!held.exists) return ['there is no table']
  if (held.flaw !== undefined) return [held.flaw]
  const marker = markerChain(setting)
  return held.chains.has(marker)
    ? []
    : [`the table is of another version or setting: there is no chain ${marker}`]
}

/**
 * Why the held table can't be repaired by what is missing: rules lost or gained, packets led to another chain, a base
 * chain gone.
 */
function chainFlaws(held: ObservedState, chains: readonly ChainDeclaration[]): string[] {
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
