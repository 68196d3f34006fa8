import type { Degraded, RoutingTable } from '@portolan/core'
import { NumbersChange } from '../layout/affinity-numbers.ts'
import { markerChain } from '../layout/base-chains.ts'
import type { ChainDeclaration, ChainEntry, Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import { dataText, ElementChanges, type ElementSink } from '../layout/elements.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { clusterIpSet, hairpinSet, nodePortAddressSet, serviceCidrSet } from '../layout/sets.ts'
import { Declarations } from './declarations.ts'
import { declare } from './declare.ts'
import { changeRoute, type Draft } from './frontend-elements.ts'
import { type NumberedRoute, number } from './numbered-route.ts'
import { describeElements, ObservedComparison } from './observed-comparison.ts'
import type { NftProgram, TableMemory } from './program.ts'
import { restoredNumbers } from './restored-numbers.ts'

/** The program from what the kernel holds to the whole table; the difference alone where the held table is sound. */
export function reconcile(observedState: ObservedState, table: RoutingTable, setting: Setting): NftProgram {
  const memory: TableMemory = { declared: new Set(), numbers: restoredNumbers(observedState, table) }
  const numbers = new NumbersChange()
  const degraded: Degraded[] = []
  const routes = [...table.routes.values()].map((route) => number(route, memory, numbers, degraded))
  const declarations = new Declarations(setting, new Set())
  declarations.base()
  const writeAll = (elements: ElementSink) => {
    addAll(routes, table, { declarations, elements })
    // Chains that no route needs any more stay, and the next change relies on them: they have to be as sound as the others.
    if (observedState.exists && observedState.flaw === undefined)
      for (const chain of observedState.chains.keys()) declarations.named(chain)
  }
  const common = {
    family: table.family,
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
  const flaws = tableFlaws(observedState, setting)
  if (flaws.length === 0) {
    const comparison = new ObservedComparison(observedState)
    writeAll(comparison)
    flaws.push(...chainFlaws(observedState, declarations.chains))
    if (flaws.length === 0) {
      for (const name of observedState.sets) memory.declared.add(name)
      return { ...common, ...repair(observedState, declarations, comparison, setting) }
    }
  }
  const elements = new ElementChanges()
  writeAll(elements)
  declarations.setsOf(elements)
  const declared = declare(setting, declarations)
  return {
    ...common,
    replace: observedState.exists,
    declarations: declared,
    elements,
    operations: declared.length + elements.count + (observedState.exists ? 1 : 0),
    findings: flaws,
  }
}

/** What the held table lacks or has too much. */
function repair(
  observedState: ObservedState,
  declarations: Declarations,
  comparison: ObservedComparison,
  setting: Setting,
) {
  for (const { name, entry } of declarations.chains)
    if (entry !== undefined && observedState.chains.has(name)) comparison.add(entry.map, entry.key, [name])
  const elements = comparison.finish()
  const chains = declarations.chains.filter(({ name }) => !observedState.chains.has(name))
  declarations.setsOf(elements)
  const sets = declarations.sets.filter(({ name }) => !observedState.sets.has(name))
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
function tableFlaws(observedState: ObservedState, setting: Setting): string[] {
  if (!observedState.exists) return ['there is no table']
  if (observedState.flaw !== undefined) return [observedState.flaw]
  const marker = markerChain(setting)
  return observedState.chains.has(marker)
    ? []
    : [`the table is of another version or setting: there is no chain ${marker}`]
}

/**
 * Why the held table can't be repaired by what is missing: rules lost or gained, packets led to another chain, a base
 * chain gone.
 */
function chainFlaws(observedState: ObservedState, chains: readonly ChainDeclaration[]): string[] {
  return chains.flatMap(({ name, hook, rules, entry }) => {
    const leadsTo = entry && observedState.elements.get(entry.map.name)?.get(dataText(entry.key))
    if (entry !== undefined && leadsTo !== undefined && leadsTo !== name)
      return [`${entry.map.name} leads { ${keyText(entry)} } to ${leadsTo} instead of ${name}`]
    const count = observedState.chains.get(name)
    if (count === undefined) return hook === undefined ? [] : [`base chain ${name} is missing`]
    return count === rules.length ? [] : [`chain ${name}: ${count} rules instead of ${rules.length}`]
  })
}

function keyText({ map, key }: ChainEntry): string {
  return elementText(map, { key })
}
