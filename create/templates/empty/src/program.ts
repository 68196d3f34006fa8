import {
  type Degraded,
  type Frontend,
  type NamedValues,
  type NamedValuesProgram,
  namedValuesLines,
  namedValuesProgram,
  type Protocol,
  type RoutingTable,
  type ServiceRoute,
  type SourceClass,
  sourceClasses,
  type TableChange,
} from '@portolan/core'

/** What the mechanism has to hold, and what leads from one state of it to another. */
export type Contents = NamedValues
export type Program = NamedValuesProgram

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
  return programOf(change.table, before, after, routes)
}

/** The difference between what the mechanism holds and what the whole table asks for. */
export function reconcile(observed: Contents = new Map(), table: RoutingTable): Program {
  const program = programOf(table, observed, contentsOf(table), [...table.routes.values()])
  return { ...program, findings: namedValuesLines(program) }
}

export function contentsOf(table: RoutingTable): Contents {
  const contents = new Map<string, string>()
  for (const route of table.routes.values()) addRoute(contents, route)
  for (const address of table.nodePortAddresses) contents.set(nodePortAddress(address), '')
  return contents
}

export function print(program: Program): string {
  return namedValuesLines(program)
    .map((line) => `${line}\n`)
    .join('')
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

function programOf(
  { family }: RoutingTable,
  before: Contents,
  after: Contents,
  routes: readonly ServiceRoute[],
): Program {
  const degraded = routes.flatMap(({ key, protocol }): Degraded[] =>
    protocols.includes(protocol) ? [] : [{ route: key, reason: `acme has no ${protocol}` }],
  )
  return namedValuesProgram(before, after, { family, degraded })
}
