import type {
  CompiledProgram,
  Degraded,
  Frontend,
  Protocol,
  RoutingTable,
  ServiceRoute,
  SourceClass,
  TableChange,
} from '@portolan/core'
import { sourceClasses } from '@portolan/core'

/** What the mechanism has to hold: a value for each name. Two names are never the same, whatever the cluster. */
export type Contents = ReadonlyMap<string, string>

/** What leads from one state of the mechanism to another. */
export interface Program extends CompiledProgram {
  readonly removed: readonly string[]
  readonly set: Contents
}

/** Protocols that the mechanism can carry. */
export const protocols: readonly Protocol[] = ['TCP', 'UDP']

/** Costs what the change costs: it never walks `change.table`. */
export function compile(change: TableChange): Program {
  const [before, after] = [new Map<string, string>(), new Map<string, string>()]
  for (const route of change.routes) {
    if (route.before !== undefined) addRoute(before, route.before)
    if (route.after !== undefined) addRoute(after, route.after)
  }
  for (const address of change.nodePortAddresses.removed) before.set(nodePortAddress(address), '')
  for (const address of change.nodePortAddresses.added) after.set(nodePortAddress(address), '')
  const routes = change.routes.flatMap((route) => route.after ?? [])
  return programOf(change.table, difference(before, after), routes, [])
}

/** The difference between what the mechanism holds and what the whole table asks for. */
export function reconcile(observed: Contents = new Map(), table: RoutingTable): Program {
  const wanted = contentsOf(table)
  const { removed, set } = difference(observed, wanted)
  const findings = [
    ...removed.map((name) => `too many: ${name}`),
    ...[...set.keys()].map((n) => `lacks ${n}`),
  ]
  return programOf(table, { removed, set }, [...table.routes.values()], findings)
}

export function contentsOf(table: RoutingTable): Contents {
  const contents = new Map<string, string>()
  for (const route of table.routes.values()) addRoute(contents, route)
  for (const address of table.nodePortAddresses) contents.set(nodePortAddress(address), '')
  return contents
}

export function print({ removed, set }: Program): string {
  const gone = removed.map((name) => `remove ${name}\n`)
  return [...gone, ...[...set].map(([name, value]) => `set ${name}${value && ` = ${value}`}\n`)].join('')
}

/** Of a frontend, for one class of source. */
export function nameOf({ protocol }: ServiceRoute, { address, port }: Frontend, source: SourceClass): string {
  return `${address ?? 'NodePort'} ${port}/${protocol} from ${source}`
}

const nodePortAddress = (address: string) => `NodePorts at ${address}`

function addRoute(contents: Map<string, string>, route: ServiceRoute): void {
  if (!protocols.includes(route.protocol)) return
  for (const frontend of route.frontends)
    for (const source of sourceClasses)
      contents.set(nameOf(route, frontend, source), actionOf(route, frontend, source))
}

function actionOf(route: ServiceRoute, frontend: Frontend, source: SourceClass): string {
  const verdict = frontend.verdicts[source]
  const allowed =
    frontend.allowedSources === undefined ? '' : `, only for ${frontend.allowedSources.join(' ')}`
  if (verdict.do !== 'balance') return `${verdict.do}${allowed}`
  // Sorted: a new process lists endpoints in another order.
  const endpoints = route.endpoints[verdict.over].map(({ address, port }) => `${address} ${port}`).sort()
  return `one of ${endpoints.join(', ')}${verdict.masquerade ? ', masqueraded' : ''}${allowed}`
}

function difference(before: Contents, after: Contents): Pick<Program, 'removed' | 'set'> {
  return {
    removed: [...before.keys()].filter((name) => !after.has(name)),
    set: new Map([...after].filter(([name, value]) => before.get(name) !== value)),
  }
}

function programOf(
  { family }: RoutingTable,
  { removed, set }: Pick<Program, 'removed' | 'set'>,
  routes: readonly ServiceRoute[],
  findings: readonly string[],
): Program {
  const degraded = routes.flatMap(({ key, protocol }): Degraded[] =>
    protocols.includes(protocol) ? [] : [{ route: key, reason: `acme has no ${protocol}` }],
  )
  return { family, operations: removed.length + set.size, findings, degraded, removed, set }
}
