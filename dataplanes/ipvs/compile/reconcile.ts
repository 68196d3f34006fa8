import { type FrontendKey, findFrontend, type RoutingTable, type SetChange } from '@portolan/core'
import { destinationKey, type Element, elementKey, readDestinationKey } from '../layout/element.ts'
import { isOurs, type ObservedState } from '../layout/observed-state.ts'
import { type DestinationSet, destinationSets, markSets, type SetName } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import { baseRulesOperations, baseRulesProgram, type Setting } from './base-rules.ts'
import { Compiler } from './compile.ts'
import { describeSteps } from './findings.ts'
import { isOurMark, type MarkBits, MarkChange } from './mark-numbers.ts'
import { emptyMemory, type Memory } from './memory.ts'
import { classesOf, isExcluded, markedLists, markOwner, type Placement } from './placement.ts'
import type { IpvsProgram } from './program.ts'

/** The program from what the kernel holds to the whole table. */
export function reconcile(
  observedState: ObservedState,
  table: RoutingTable,
  settings: IpvsSettings,
  setting: Setting,
): IpvsProgram {
  const baseRules = baseRulesProgram(observedState, setting)
  const memory = memoryOf(observedState, table, settings, {
    masquerade: setting.masqueradeBit,
    route: settings.routeMarkBit,
  })
  const compiler = new Compiler(table, settings, memory)
  for (const route of table.routes.values()) compiler.route(undefined, route)
  const owned = new Set(
    [...table.routes.values()].flatMap((route) =>
      (['cluster', 'local'] as const).map((over) => memory.marks.of(markOwner(route, over))),
    ),
  )
  for (const mark of [...memory.marked.keys()]) {
    // No longer wanted. Whether it was one of TCP is not told, and counters say when it is drained.
    if (!owned.has(mark)) compiler.marked(mark, undefined, true)
  }
  for (const route of table.routes.values()) compiler.destinations(route)
  for (const key of [...memory.placements.keys()]) compiler.destination(readDestinationKey(key))
  compiler.plain({
    clusterIPs: difference(observedState, 'CLUSTER-IPS', table.clusterIPs, (address) => ({ address })),
    serviceCidrs: difference(observedState, 'SERVICE-CIDRS', table.serviceCidrs, (cidr) => ({ cidr })),
    hairpinAddresses: difference(observedState, 'HAIRPIN', table.hairpinAddresses, (loop) => ({ loop })),
  })
  const program = compiler.program()
  return {
    ...program,
    baseRules,
    operations: baseRulesOperations(baseRules) + program.steps.length,
    findings: [...baseRules.findings, ...describeSteps(table.family, program.steps)],
  }
}

/** What the kernel holds, by destination and by mark. */
function memoryOf(
  observedState: ObservedState,
  table: RoutingTable,
  settings: IpvsSettings,
  bits: MarkBits,
): Memory {
  const memory = emptyMemory(bits)
  const drafts = new Map<FrontendKey, Draft>()
  const draft = (key: FrontendKey): Draft => {
    const known = drafts.get(key) ?? { sets: new Set(), marks: new Map(), sources: [] }
    drafts.set(key, known)
    return known
  }
  for (const name of destinationSets)
    for (const element of observedState.elements.get(name) ?? [])
      if ('destination' in element) draft(destinationKey(element.destination)).sets.add(name)
  for (const name of markSets)
    for (const element of observedState.elements.get(name) ?? [])
      if ('destination' in element)
        draft(destinationKey(element.destination)).marks.set(name, element.mark ?? 0)
  for (const element of observedState.elements.get('SOURCES') ?? [])
    if ('destination' in element && element.source !== undefined)
      draft(destinationKey(element.destination)).sources.push(element.source)
  for (const server of observedState.servers) {
    const { place } = server
    if ('fwmark' in place) {
      if (!isOurs(server) || !isOurMark(place.fwmark)) continue
      memory.marked.set(place.fwmark, server)
      memory.marks.reserve(place.fwmark)
    } else if (isOurs(server) || (findFrontend(table, place) !== undefined && !isExcluded(place, settings))) {
      // Another tool's that stands where a Service is: it is taken over, as when kube-proxy was here before.
      draft(destinationKey(place)).server = server
    }
  }
  for (const [key, placement] of drafts) memory.placements.set(key, placement)
  restoreMarks(drafts, table, memory)
  return memory
}

type Draft = { -readonly [Name in keyof Placement]: Placement[Name] } & {
  readonly sets: Set<DestinationSet>
  readonly marks: Map<(typeof markSets)[number], number>
  readonly sources: Placement['sources'][number][]
}

/** Routes keep the marks that they have in the kernel, as far as no two claim the same. */
function restoreMarks(drafts: ReadonlyMap<FrontendKey, Draft>, table: RoutingTable, memory: Memory): void {
  const classes = classesOf(table)
  const given = new Set<number>()
  for (const [key, { marks }] of drafts) {
    if (marks.size === 0) continue
    const found = findFrontend(table, readDestinationKey(key))
    if (found === undefined) continue
    const lists = markedLists(found.frontend, classes)
    for (const [source, set] of [
      ['pod', 'MARK-POD'],
      ['node', 'MARK-NODE'],
    ] as const) {
      const [mark, over] = [marks.get(set), lists.get(source)]
      if (mark === undefined || over === undefined || !isOurMark(mark) || !memory.marks.isUsable(mark))
        continue
      const owner = markOwner(found.route, over)
      if (memory.marks.of(owner) !== undefined || given.has(mark)) continue
      given.add(mark)
      const restored = new MarkChange()
      restored.give(owner, mark)
      memory.marks.commit(restored)
    }
  }
}

function difference<Value>(
  observedState: ObservedState,
  set: SetName,
  wanted: ReadonlySet<Value>,
  make: (value: Value) => Element,
): SetChange<Value> {
  const have = new Map(
    (observedState.elements.get(set) ?? []).map((element) => [elementKey(element), element]),
  )
  const added: Value[] = []
  for (const value of wanted) if (!have.delete(elementKey(make(value)))) added.push(value)
  return { added, removed: [...have.values()].map(valueIn<Value>) }
}

function valueIn<Value>(element: Element): Value {
  const value = 'address' in element ? element.address : 'cidr' in element ? element.cidr : undefined
  return (value ?? ('loop' in element ? element.loop : undefined)) as Value
}
