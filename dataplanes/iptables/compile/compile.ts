import { type Degraded, isLoopback, type ServiceRoute, type TableChange } from '@portolan/core'
import { dispatchPath } from '../layout/dispatch-path.ts'
import { declareClientSet } from '../layout/sets.ts'
import type { Setting } from '../layout/setting.ts'
import { type ChainEdits, noChainEdits } from './chain-edits.ts'
import { type DispatchChange, type DispatchEdit, rulesOf } from './dispatch-tree.ts'
import { ElementEditor } from './element-edits.ts'
import { ClientSetBudget, noteClosedNodePorts, withoutAffinity } from './limits.ts'
import { operations } from './print.ts'
import type { IptablesProgram, TableMemory, UncountedProgram } from './program.ts'
import { type RouteProgram, routeProgram } from './route-chains.ts'
import { changeElements } from './set-elements.ts'

/** The program for a change to rules that stand. */
export function compile(change: TableChange, setting: Setting, memory: TableMemory): IptablesProgram {
  const degraded: Degraded[] = []
  const budget = new ClientSetBudget(memory, setting.maxClientSets)
  const pairs = change.routes.map(({ key, before, after }) => {
    const old = before === undefined ? undefined : compiled(budget.observed(before), setting)
    budget.release(key)
    return { old, after }
  })
  const written = new Map<string, readonly string[]>()
  const deleted = new Set<string>()
  const [newSets, oldSets] = [new Set<string>(), new Set<string>()]
  const edits: DispatchEdit[] = []
  const changeTo = (now: Compiled | undefined, old: Compiled | undefined) => {
    if (now !== undefined) noteClosedNodePorts(now.route, degraded)
    chainDifference(old?.program, now?.program, written, deleted)
    for (const set of old?.program.clientSets ?? []) if (!now?.program.clientSets.has(set)) oldSets.add(set)
    for (const set of now?.program.clientSets ?? []) if (!old?.program.clientSets.has(set)) newSets.add(set)
    edits.push(...destinationEdits(old, now))
  }
  for (const { old, after } of pairs)
    changeTo(after === undefined ? undefined : compiled(budget.grant(after, degraded), setting), old)
  for (const route of budget.servedAgain(change.table.routes))
    changeTo(compiled(budget.grant(route, degraded), setting), compiled(withoutAffinity(route), setting))
  const dispatch = memory.tree.propose(edits)
  writeDispatch(dispatch, written, deleted)
  const elements = new ElementEditor()
  changeElements(change, elements)
  const nat: ChainEdits = { ...noChainEdits, written, deleted }
  const program: UncountedProgram = {
    family: change.family,
    otherSets: [],
    resizedSets: [],
    newSets: [...newSets].map((name) => declareClientSet(change.family, name)),
    elements: elements.finish(),
    filter: noChainEdits,
    filterUndone: noChainEdits,
    nat,
    oldSets: [...oldSets],
    needsRouteLocalnet: change.nodePortAddresses.added.some(isLoopback),
    findings: [],
    degraded,
    notices: [],
    outcome: { memory, dispatch, clientSets: budget.counts, waiting: budget.refused },
  }
  return { ...program, operations: operations(program) }
}

interface Compiled {
  readonly route: ServiceRoute
  readonly program: RouteProgram
}

export function compiled(route: ServiceRoute, setting: Setting): Compiled {
  return { route, program: routeProgram(route, setting) }
}

function chainDifference(
  old: RouteProgram | undefined,
  now: RouteProgram | undefined,
  written: Map<string, readonly string[]>,
  deleted: Set<string>,
): void {
  for (const [chain, rules] of now?.chains ?? []) {
    if (!sameRules(old?.chains.get(chain), rules)) written.set(chain, rules)
  }
  for (const chain of old?.chains.keys() ?? []) if (!now?.chains.has(chain)) deleted.add(chain)
}

export function sameRules(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one?.length === other.length && one.every((rule, index) => rule === other[index])
}

/** Edits of the trees for what changed of a route's destinations. */
export function* destinationEdits(
  old: Compiled | undefined,
  now: Compiled | undefined,
): Generator<DispatchEdit> {
  for (const [key, { frontend, rules }] of now?.program.destinations ?? []) {
    if (now === undefined || sameRules(old?.program.destinations.get(key)?.rules, rules)) continue
    yield { path: dispatchPath(frontend, now.route.protocol), key, rules }
  }
  for (const [key, { frontend }] of old?.program.destinations ?? []) {
    if (old === undefined || now?.program.destinations.has(key)) continue
    yield { path: dispatchPath(frontend, old.route.protocol), key }
  }
}

/** Adds the chains of the trees to what is written and deleted. */
export function writeDispatch(
  dispatch: DispatchChange,
  written: Map<string, readonly string[]>,
  deleted: Set<string>,
): void {
  for (const [chain, node] of dispatch) {
    if (node === undefined) deleted.add(chain)
    else written.set(chain, rulesOf(node))
  }
}
