import {
  type Address,
  type Cidr,
  type Frontend,
  hostCidr,
  type RoutingTable,
  type ServiceRoute,
  type TableChange,
} from '@portolan/core'
import type { SetKind } from '../layout/sets.ts'
import { refusalOf } from './policy.ts'

/** All addresses, as sets of networks can hold them. */
const halves = { IPv4: ['0.0.0.0/1', '128.0.0.0/1'], IPv6: ['::/1', '8000::/1'] } as const

/** Takes elements of sets, spelled as `ipset save` prints them. */
export interface ElementSink {
  add(kind: SetKind, element: string): void
  remove(kind: SetKind, element: string): void
}

/** The elements by which the table filter knows what to do with packets that were left untranslated. */
export function* frontendElements(
  { protocol, family }: ServiceRoute,
  frontend: Frontend,
): Generator<readonly [SetKind, string]> {
  const { address, port, allowedSources } = frontend
  const refusal = refusalOf(frontend)
  const transport = protocol.toLowerCase() as Lowercase<typeof protocol>
  if (address === undefined) {
    // Source ranges are for load balancer addresses; a NodePort that had some is closed, not left open (see limits.ts).
    const closed = allowedSources === undefined ? refusal : 'drop'
    if (closed === undefined) return
    const kind = closed === 'reject' ? 'rejected-nodeports' : 'dropped-nodeports'
    for (const half of halves[family]) yield [kind, `${half},${transport}:${port}`]
    return
  }
  const destination = `${address},${transport}:${port}`
  if (refusal !== undefined) yield [refusal === 'reject' ? 'rejected' : 'dropped', destination]
  if (allowedSources === undefined) return
  yield ['filtered', destination]
  for (const range of allowedSources.flatMap(rangeTexts)) yield ['allowed', `${destination},${range}`]
}

/** A set of networks prints one of a single address without its length, and can't hold the one of all addresses. */
export function rangeTexts(range: Cidr): readonly string[] {
  if (range === '0.0.0.0/0') return halves.IPv4
  if (range === '::/0') return halves.IPv6
  const address = range.slice(0, range.indexOf('/')) as Address
  return [range === hostCidr(address) ? address : range]
}

/** Every element that a table has. */
export function addAllElements(table: RoutingTable, sink: Pick<ElementSink, 'add'>): void {
  for (const route of table.routes.values()) addRoute(route, sink)
  for (const address of table.clusterIPs) sink.add('cluster-ips', address)
  for (const range of table.serviceCidrs)
    for (const text of rangeTexts(range)) sink.add('service-cidrs', text)
  for (const address of table.nodePortAddresses) sink.add('nodeport-addresses', address)
  for (const port of table.healthCheckNodePorts) sink.add('health-checks', `${port}`)
}

function addRoute(route: ServiceRoute, sink: Pick<ElementSink, 'add'>): void {
  for (const frontend of route.frontends)
    for (const [kind, element] of frontendElements(route, frontend)) sink.add(kind, element)
}

/** The elements that a change takes and gives. */
export function changeElements(change: TableChange, sink: ElementSink): void {
  for (const { before, after } of change.routes) {
    for (const frontend of before?.frontends ?? [])
      for (const [kind, element] of before === undefined ? [] : frontendElements(before, frontend))
        sink.remove(kind, element)
    if (after !== undefined) addRoute(after, sink)
  }
  for (const address of change.clusterIPs.removed) sink.remove('cluster-ips', address)
  for (const address of change.clusterIPs.added) sink.add('cluster-ips', address)
  for (const range of change.serviceCidrs.removed)
    for (const text of rangeTexts(range)) sink.remove('service-cidrs', text)
  for (const range of change.serviceCidrs.added)
    for (const text of rangeTexts(range)) sink.add('service-cidrs', text)
  for (const address of change.nodePortAddresses.removed) sink.remove('nodeport-addresses', address)
  for (const address of change.nodePortAddresses.added) sink.add('nodeport-addresses', address)
  for (const port of change.healthCheckNodePorts.removed) sink.remove('health-checks', `${port}`)
  for (const port of change.healthCheckNodePorts.added) sink.add('health-checks', `${port}`)
}
