import { createHash } from 'node:crypto'
import type {
  Endpoint,
  Frontend,
  RoutingTable,
  ServiceRoute,
  SetChange,
  SourceClass,
  TableChange,
  Verdict,
} from '@portolan/core'
import { sourceClasses } from '@portolan/core'

/** Chains and elements of our table: all of it, or the part that one change is about. */
export interface Contents {
  /** Rules by chain. */
  readonly chains: Map<string, readonly string[]>
  /** By set and key, as `SET KEY`: the chain that it leads to; empty in a set. */
  readonly elements: Map<string, string>
}

export const nothing = (): Contents => ({ chains: new Map(), elements: new Map() })

/** What the whole table asks for. */
export function contentsOfTable(table: RoutingTable, mark: string): Contents {
  const contents = nothing()
  for (const route of table.routes.values()) addRoute(contents, route, mark)
  addSet(contents, 'nodeport-addresses', table.nodePortAddresses)
  addSet(contents, 'service-cidrs', table.serviceCidrs)
  addSet(contents, 'hairpin', pairs(table.hairpinAddresses))
  return contents
}

/** What a change is about, before and after it. It costs as much as the change, not as much as the table. */
export function contentsOfChange(change: TableChange, mark: string): { before: Contents; after: Contents } {
  const [before, after] = [nothing(), nothing()]
  for (const route of change.routes) {
    if (route.before !== undefined) addRoute(before, route.before, mark)
    if (route.after !== undefined) addRoute(after, route.after, mark)
  }
  const sets: readonly (readonly [string, SetChange<string>])[] = [
    ['nodeport-addresses', change.nodePortAddresses],
    ['service-cidrs', change.serviceCidrs],
    [
      'hairpin',
      { added: pairs(change.hairpinAddresses.added), removed: pairs(change.hairpinAddresses.removed) },
    ],
  ]
  for (const [set, { added, removed }] of sets) {
    addSet(before, set, removed)
    addSet(after, set, added)
  }
  return { before, after }
}

/** An element for each frontend and class of source, and the chains that these lead to. */
function addRoute(contents: Contents, route: ServiceRoute, mark: string): void {
  for (const frontend of route.frontends) {
    for (const source of sourceClasses) {
      const rules = rulesOf(route, frontend, frontend.verdicts[source], mark)
      const chain = chainName(route, rules)
      contents.chains.set(chain, rules)
      contents.elements.set(elementId(source, route, frontend), chain)
    }
  }
}

/** Named after what is in it, so that a chain never changes: other rules are another chain. */
function chainName(route: ServiceRoute, rules: readonly string[]): string {
  const text = [route.key, ...rules].join('\n')
  return `service-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
}

/** A NodePort has no address of its own; see the rule that looks it up in base-rules.ts. */
function elementId(source: SourceClass, { protocol }: ServiceRoute, { address, port }: Frontend): string {
  return `from-${source} ${address ?? '0.0.0.0'} . ${protocol.toLowerCase()} . ${port}`
}

function rulesOf(route: ServiceRoute, frontend: Frontend, verdict: Verdict, mark: string): string[] {
  const { allowedSources } = frontend
  return [
    // An empty list admits no client, and nft has no empty set.
    ...(allowedSources === undefined
      ? []
      : [allowedSources.length === 0 ? 'drop' : `ip saddr != { ${allowedSources.join(', ')} } drop`]),
    ...(verdict.do === 'balance'
      ? [
          ...(verdict.masquerade ? [`meta mark set meta mark | ${mark}`] : []),
          translation(route, route.endpoints[verdict.over]),
        ]
      : [verdict.do]),
  ]
}

/** Sorted, so that the rule follows from which endpoints there are, whatever order a process has them in. */
function translation({ protocol }: ServiceRoute, endpoints: readonly Endpoint[]): string {
  const sorted = endpoints.map(({ address, port }) => `${address} . ${port}`).sort()
  const slots = sorted.map((endpoint, slot) => `${slot} : ${endpoint}`)
  const choice = `numgen random mod ${slots.length} map { ${slots.join(', ')} }`
  return `meta l4proto ${protocol.toLowerCase()} dnat ip addr . port to ${choice}`
}

function addSet({ elements }: Contents, set: string, keys: Iterable<string>): void {
  for (const key of keys) elements.set(`${set} ${key}`, '')
}

function pairs(addresses: Iterable<string>): string[] {
  return [...addresses].map((address) => `${address} . ${address}`)
}
