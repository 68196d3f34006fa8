import { type Degraded, isLoopback, type RoutingTable } from '@portolan/core'
import type { SavedRules } from '@portolan/native/netfilter'
import { baseChains, jumps, type NodeFacts, type TableName } from '../layout/base-chains.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { routeLocalnetNotice } from '../layout/route-localnet.ts'
import {
  clientSetPrefix,
  declareClientSet,
  declareSet,
  isStandIn,
  type SetDeclaration,
  type SetKind,
  setKinds,
  setName,
} from '../layout/sets.ts'
import type { Chains, Setting } from '../layout/setting.ts'
import type { ChainEdits } from './chain-edits.ts'
import { compiled, destinationEdits, sameRules } from './compile.ts'
import { type DispatchEdit, DispatchTree, rulesOf } from './dispatch-tree.ts'
import { differenceOf, type ElementEdits } from './element-edits.ts'
import { ClientSetBudget, noteClosedNodePorts } from './limits.ts'
import { operations } from './print.ts'
import type { IptablesProgram, TableMemory, UncountedProgram } from './program.ts'
import { addAllElements } from './set-elements.ts'

/** The program from what the kernel holds to the whole table: the difference alone. */
export function reconcile(
  observedState: ObservedState,
  table: RoutingTable,
  setting: Setting,
): IptablesProgram {
  const memory: TableMemory = { tree: new DispatchTree(), clientSets: new Map(), waiting: new Set() }
  const degraded: Degraded[] = []
  const findings: string[] = []
  const atLoopback = [...table.nodePortAddresses].some(isLoopback)
  const facts: NodeFacts = { liberal: observedState.liberal }

  const natChains = new Map(baseChains('nat', setting, facts))
  const clientSets = new Set<string>()
  const budget = new ClientSetBudget(memory, setting.maxClientSets)
  const granted = budget.grantAll(table.routes.values(), degraded, (route) =>
    [...compiled(route, setting).program.clientSets].some((set) => observedState.sets.has(set)),
  )
  const edits: DispatchEdit[] = []
  for (const route of granted.values()) {
    const now = compiled(route, setting)
    noteClosedNodePorts(now.route, degraded)
    for (const [chain, rules] of now.program.chains) natChains.set(chain, rules)
    for (const set of now.program.clientSets) clientSets.add(set)
    for (const edit of destinationEdits(undefined, now)) edits.push(edit)
  }
  memory.tree.commit(memory.tree.propose(edits))
  for (const [chain, node] of memory.tree.nodes) if (node !== undefined) natChains.set(chain, rulesOf(node))

  const filterChains = baseChains('filter', setting, facts)
  const nat = tableDifference('nat', observedState, natChains, findings)
  const filter = tableDifference('filter', observedState, filterChains, findings)
  const wanted = wantedElements(table)
  const elements = new Map<SetKind, ElementEdits>()
  for (const kind of setKinds) {
    const edit = differenceOf(observedState.sets.get(setName(table.family, kind)), wanted[kind])
    if (edit === undefined) continue
    elements.set(kind, edit)
    findings.push(
      `set ${setName(table.family, kind)}: ${edit.added.size} elements missing, ${edit.removed.size} too many`,
    )
  }
  const newSets = missingSets(observedState, clientSets)
  findings.push(...newSets.map(({ name }) => `set ${name} is ${howMissing(observedState, name)}`))
  const oldSets = [...observedState.sets.keys()].filter(
    (name) => name.startsWith(clientSetPrefix(table.family)) && !clientSets.has(name),
  )
  findings.push(...oldSets.map((name) => `set ${name} is left over`))
  findings.push(...observedState.otherSets.filter(isStandIn).map((name) => `set ${name} is left over`))
  const { leftOver } = observedState
  const needsRouteLocalnet = atLoopback && observedState.routeLocalnet === 'off'
  if (leftOver !== undefined) findings.push(`rules of the ${leftOver} variant are left over`)
  if (needsRouteLocalnet) findings.push('route_localnet is off')
  const program: UncountedProgram = {
    family: table.family,
    otherSets: observedState.otherSets,
    resizedSets: observedState.resizedSets,
    newSets,
    elements,
    filter,
    filterUndone: undone(observedState.tables.filter, filter),
    nat,
    oldSets,
    needsRouteLocalnet,
    ...(leftOver === undefined ? {} : { leftOver }),
    findings,
    degraded,
    notices: atLoopback && observedState.routeLocalnet === 'fixed' ? [routeLocalnetNotice] : [],
    outcome: { memory, dispatch: new Map(), clientSets: budget.counts, waiting: budget.refused },
  }
  return { ...program, operations: operations(program) }
}

function tableDifference(
  name: TableName,
  observedState: ObservedState,
  wanted: Chains,
  findings: string[],
): ChainEdits {
  const { chains, jumps: led } = observedState.tables[name]
  const written = new Map<string, readonly string[]>()
  for (const [chain, rules] of wanted) {
    const there = chains.get(chain)
    if (sameRules(there, rules)) continue
    written.set(chain, rules)
    if (there === undefined) findings.push(`${name}: chain ${chain} is missing`)
    else if (there.length !== rules.length)
      findings.push(`${name}: chain ${chain}: ${there.length} rules instead of ${rules.length}`)
    else findings.push(`${name}: chain ${chain}: a rule differs`)
  }
  const deleted = new Set<string>()
  for (const chain of chains.keys()) {
    if (wanted.has(chain)) continue
    deleted.add(chain)
    findings.push(`${name}: chain ${chain} is left over`)
  }
  const due = jumps(name, observedState.family)
  if (led.length === due.length && due.every((jump) => led.includes(jump)))
    return { written, deleted, jumpsAdded: [], jumpsRemoved: [] }
  findings.push(
    `${name}: ${led.length} rules lead to our chains instead of ${due.length}, or others than ours`,
  )
  return { written, deleted, jumpsAdded: due, jumpsRemoved: led }
}

/** What takes edits of a table back. */
function undone({ chains, jumps: led }: SavedRules, edits: ChainEdits): ChainEdits {
  const touched = [...edits.written.keys(), ...edits.deleted]
  return {
    written: new Map(
      touched.flatMap((chain) => (chains.has(chain) ? [[chain, chains.get(chain) ?? []]] : [])),
    ),
    deleted: new Set(touched.filter((chain) => !chains.has(chain))),
    jumpsAdded: edits.jumpsRemoved.length > 0 ? led : [],
    jumpsRemoved: edits.jumpsAdded,
  }
}

function wantedElements(table: RoutingTable): Readonly<Record<SetKind, Set<string>>> {
  const wanted = Object.fromEntries(setKinds.map((kind) => [kind, new Set<string>()])) as Record<
    SetKind,
    Set<string>
  >
  addAllElements(table, { add: (kind, element) => wanted[kind].add(element) })
  return wanted
}

function howMissing({ otherSets, resizedSets }: ObservedState, name: string): string {
  if (otherSets.includes(name)) return 'of another type'
  return resizedSets.includes(name) ? 'of another size' : 'missing'
}

function missingSets({ family, sets }: ObservedState, clientSets: ReadonlySet<string>): SetDeclaration[] {
  const all = [
    ...setKinds.map((kind) => declareSet(family, kind)),
    ...[...clientSets].map((name) => declareClientSet(family, name)),
  ]
  return all.filter(({ name }) => !sets.has(name))
}
