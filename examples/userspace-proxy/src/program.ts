import {
  type Evaluation,
  type Frontend,
  type NamedValues,
  type NamedValuesProgram,
  namedValuesLines,
  namedValuesProgram,
  type RoutingTable,
  type ServiceRoute,
  type SourceClass,
  type TableChange,
} from '@portolan/core'

/** What routes and the proxy have to hold, and what leads from one state to another. */
export type Contents = NamedValues
export type Program = NamedValuesProgram

/** What the proxy does at one destination: by who asks, the endpoints that a client may get, as `address port`. */
export type Plan = Readonly<Record<SourceClass, readonly string[] | 'drop' | 'reject'>> & {
  readonly route: string
  readonly affinitySeconds?: number
}

/** Costs what the change costs: it never walks `change.table`. */
export function compile(change: TableChange): Program {
  const before = change.routes.flatMap((one) => one.before ?? [])
  const after = change.routes.flatMap((one) => one.after ?? [])
  const held = contentsOf(before, (set) => change[set].removed)
  const wanted = contentsOf(after, (set) => change[set].added)
  return programOf(held, wanted, after)
}

/** The difference between what is held and what the whole table asks for. */
export function reconcile(observed: Contents = new Map(), table: RoutingTable): Program {
  const routes = [...table.routes.values()]
  const services = contentsOf(routes, (set) => table[set])
  const podSource = JSON.stringify(table.podSource)
  const wanted = new Map([['device', ''], ['device up', ''], ['pods', podSource], ...services])
  const program = programOf(observed, wanted, routes)
  return { ...program, findings: namedValuesLines(program) }
}

export function print(program: Program): string {
  return namedValuesLines(program)
    .map((line) => `${line}\n`)
    .join('')
}

export function trace(_table: RoutingTable, evaluation: Evaluation): readonly string[] {
  if (!('frontend' in evaluation) || !isServed(evaluation.frontend)) return []
  const { route, frontend, sourceClass } = evaluation
  const answer = [planOf(route, frontend)[sourceClass]].flat().join(' or ')
  return [`${listenName(route, frontend)}, from ${sourceClass}: ${answer}`]
}

/** Of one destination; `*` is every address at which NodePorts answer. */
function listenName({ protocol }: ServiceRoute, { address, port }: Frontend): string {
  return `listen ${protocol} ${address ?? '*'} ${port}`
}

function planOf({ key, endpoints, affinitySeconds }: ServiceRoute, { verdicts }: Frontend): Plan {
  const answer = (source: SourceClass) => {
    const verdict = verdicts[source]
    if (verdict.do !== 'balance') return verdict.do
    // Sorted: a new process lists endpoints in another order.
    return endpoints[verdict.over].map(({ address, port }) => `${address} ${port}`).sort()
  }
  const answers = { pod: answer('pod'), node: answer('node'), outside: answer('outside') }
  return { route: key, ...(affinitySeconds !== undefined && { affinitySeconds }), ...answers }
}

const kinds = [
  ['serviceCidrs', 'swallow'],
  ['clusterIPs', 'local'],
  ['nodePortAddresses', 'nodeports-at'],
  ['localAddresses', 'node-has'],
] as const

/** No external address: to answer at one, the node would have to take its other ports, and ping, as well. */
const isServed = ({ kind }: Frontend) => kind === 'ClusterIP' || kind === 'NodePort'

function contentsOf(
  routes: readonly ServiceRoute[],
  valuesOf: (set: (typeof kinds)[number][0]) => Iterable<string>,
): Contents {
  const contents = new Map<string, string>()
  for (const [set, kind] of kinds) for (const value of valuesOf(set)) contents.set(`${kind} ${value}`, '')
  for (const route of routes.filter(({ protocol }) => protocol !== 'SCTP'))
    for (const frontend of route.frontends.filter(isServed))
      contents.set(listenName(route, frontend), JSON.stringify(planOf(route, frontend)))
  return contents
}

function programOf(before: Contents, after: Contents, routes: readonly ServiceRoute[]): Program {
  const degraded = routes
    .filter(({ protocol }) => protocol === 'SCTP')
    .map(({ key }) => ({ route: key, reason: 'userspace-proxy has no SCTP' }))
  return namedValuesProgram(before, after, { family: 'IPv4', degraded })
}
