import { endpointKey, type RoutingTable, type ServiceRoute } from '@portolan/core'
import { AffinityNumbers, type NumbersChange } from './affinity-numbers.ts'
import { declareFor, number } from './compile.ts'
import { Declarations } from './declarations.ts'
import { elementText } from './element-text.ts'
import { type Datum, dataText, type Element, ElementChanges, readDataText } from './elements.ts'
import type { Held } from './held.ts'
import {
  affinityEndpointsOf,
  affinityRoutesOf,
  clusterIpSet,
  findSet,
  hairpinSet,
  nodePortAddressSet,
  type SetDeclaration,
  serviceCidrSet,
} from './layout.ts'
import type { Degraded, NftProgram, TableMemory } from './program.ts'
import { changeRoute, oversOf, placeOf } from './route-elements.ts'
import { type ChainDeclaration, declareChains, declareSet, markerChain, type Setting } from './skeleton.ts'

/** The program from what the kernel holds to the whole table; the difference alone where the held table is sound. */
export function reconcile(held: Held, table: RoutingTable, setting: Setting): NftProgram {
  const wanted = new ElementChanges()
  const declarations = new Declarations(setting, new Set(), wanted)
  const memory: TableMemory = { declared: new Set(), numbers: restoreNumbers(held, table) }
  const numbers: NumbersChange = new Map()
  const degraded: Degraded[] = []

  declarations.base()
  for (const route of table.routes.values()) {
    const version = number(route, memory, numbers, degraded)
    declareFor(version, declarations)
    changeRoute(undefined, version, wanted)
  }
  for (const address of table.clusterIPs) wanted.add(clusterIpSet, [address])
  for (const address of table.nodePortAddresses) wanted.add(nodePortAddressSet, [address])
  for (const address of table.hairpinAddresses) wanted.add(hairpinSet, [address, address])
  for (const cidr of table.serviceCidrs) wanted.add(serviceCidrSet, [cidr])

  const common = {
    family: table.family,
    degraded,
    outcome: { memory, declared: declarations.names, numbers },
  }
  const isThere = held.chains.size > 0
  const flaws = isThere ? findFlaws(held, declarations.chains, setting) : ['there is no table']
  if (flaws.length > 0) {
    const declared = declarations.commands()
    return { ...common, replace: isThere, declarations: declared, elements: wanted, findings: flaws }
  }
  for (const name of [...held.chains.keys(), ...held.sets]) memory.declared.add(name)
  const elements = difference(held, wanted)
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

function describeElements(changes: ElementChanges): string[] {
  return [...changes].map(({ set, removals, additions }) => {
    const text = (elements: readonly Element[]) =>
      elements.length === 1 && elements[0] !== undefined
        ? `{ ${elementText(set, elements[0])} }`
        : `${elements.length} elements`
    const parts = [
      ...(removals.length > 0 ? [`has ${text(removals)} too many`] : []),
      ...(additions.length > 0 ? [`lacks ${text(additions)}`] : []),
    ]
    return `${set.name} ${parts.join(' and ')}`
  })
}

function difference(held: Held, wanted: ElementChanges): ElementChanges {
  const changes = new ElementChanges()
  const seen = new Set<string>()
  for (const { set, additions } of wanted) {
    seen.add(set.name)
    const there = held.elements.get(set.name) ?? nothing
    const keys = new Set<string>()
    for (const { key, value } of additions) {
      const text = dataText(key)
      keys.add(text)
      const old = there.get(text)
      if (old !== undefined && old === dataText(value ?? [])) continue
      if (old !== undefined) changes.remove(set, key, readDataText(old, set.value ?? []))
      changes.add(set, key, value)
    }
    if (set.kind !== 'static' && there.size > 0) removeOthers(set, there, keys, changes)
  }
  for (const [name, there] of held.elements) {
    const set = findSet(name)
    if (set !== undefined && !seen.has(name) && set.kind !== 'static')
      removeOthers(set, there, new Set(), changes)
  }
  return changes
}

const nothing: ReadonlyMap<string, string> = new Map()

function removeOthers(
  set: SetDeclaration,
  there: ReadonlyMap<string, string>,
  wanted: ReadonlySet<string>,
  changes: ElementChanges,
): void {
  for (const [key, value] of there) {
    if (wanted.has(key)) continue
    const old = set.value === undefined ? undefined : readDataText(value, set.value)
    changes.remove(set, readDataText(key, set.key), old)
  }
}

/** Gives routes the numbers that the kernel knows them by, so that a restart forgets no client's choice. */
function restoreNumbers(held: Held, table: RoutingTable): AffinityNumbers {
  const restored: NumbersChange = new Map()
  const taken = new Set<number>()
  for (const route of table.routes.values()) {
    if (route.affinitySeconds === undefined) continue
    const number = heldRouteNumber(held, route)
    if (number === undefined || taken.has(number)) continue
    taken.add(number)
    const endpoints = heldEndpointNumbers(held, route, number)
    restored.set(route.key, { route: number, endpoints, next: Math.max(0, ...endpoints.values()) + 1 })
  }
  const numbers = new AffinityNumbers()
  numbers.commit(restored)
  return numbers
}

function heldRouteNumber(held: Held, route: ServiceRoute): number | undefined {
  for (const frontend of route.frontends) {
    const place = placeOf(frontend)
    const key: Datum[] = [route.protocol, frontend.port]
    if (frontend.address !== undefined) key.unshift(frontend.address)
    const value = held.elements.get(affinityRoutesOf(place).name)?.get(dataText(key))
    if (value !== undefined) return Number(value) >>> 16
  }
  return undefined
}

function heldEndpointNumbers(held: Held, route: ServiceRoute, number: number): Map<string, number> {
  const found = new Map<string, number>()
  const lists = [...route.endpoints.cluster, ...route.endpoints.local]
  const wanted = new Set(lists.map(endpointKey))
  for (const frontend of route.frontends) {
    for (const over of oversOf(frontend)) {
      const elements = held.elements.get(affinityEndpointsOf(placeOf(frontend), over, route.protocol).name)
      for (const [key, endpoint] of elements ?? []) {
        const held = Number(key.slice(key.lastIndexOf('|') + 1))
        if (held >>> 16 === number && wanted.has(endpoint)) found.set(endpoint, held & 0xffff)
      }
    }
  }
  return found
}
