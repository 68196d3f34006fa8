import test from 'ava'
import fc from 'fast-check'
import { AppliedTable, difference, fullDifference, isEmptyChange, mergeTouched } from '../../diff.ts'
import { type Evaluation, evaluate } from '../../evaluate.ts'
import { describeEvaluation } from '../../explain/describe-evaluation.ts'
import { type RoutingTable, tableSets } from '../../routing-table.ts'
import { endpointKey, frontendKey, type ServiceRoute, sourceClasses } from '../../service-route.ts'
import { address } from './example-records.ts'
import { addresses, type Event, event, newBuilder, send, service, slice } from './random-events.ts'

/** The events that a source would send to a newcomer who asks for the present state, in another order. */
function lastOfEach(events: readonly Event[]): Event[] {
  const last = new Map<string, Event>()
  for (const event of events) {
    if (event.do === 'setService') last.set(`service ${event.service.key}`, event)
    if (event.do === 'removeService') last.delete(`service ${event.key}`)
    if (event.do === 'setSlice') last.set(`slice ${event.slice.key}`, event)
    if (event.do === 'removeSlice') last.delete(`slice ${event.key}`)
    if (event.do === 'setNode') last.set('node', filledIn(event, last.get('node')))
    if (event.do === 'setServiceCidr') last.set(`range ${event.key}`, event)
    if (event.do === 'removeServiceCidr') last.delete(`range ${event.key}`)
    if (event.do === 'setLocalAddresses') last.set('local', event)
  }
  return [...last.values()].reverse()
}

/** A Node without addresses is one that was made again and isn't filled in yet: what was known of it stays. */
function filledIn(node: Extract<Event, { do: 'setNode' }>, known: Event | undefined): Event {
  if (node.addresses.length > 0 || known?.do !== 'setNode') return node
  return { ...node, addresses: known.addresses, zone: node.zone === '' ? known.zone : node.zone }
}

/** A table as plain data, without the order of endpoints. */
function comparable(table: RoutingTable): unknown {
  const sorted = (values: Iterable<string>) => [...values].sort()
  const route = (one: ServiceRoute) => ({
    ...one,
    endpoints: {
      cluster: sorted(one.endpoints.cluster.map((e) => `${endpointKey(e)} ${e.local}`)),
      local: sorted(one.endpoints.local.map((e) => `${endpointKey(e)} ${e.local}`)),
    },
  })
  return {
    routes: Object.fromEntries(
      [...table.routes.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).map((one) => [one.key, route(one)]),
    ),
    frontends: sorted([...table.frontends].map(([key, owner]) => `${key} ${owner}`)),
    sets: tableSets.map((name) => sorted([...table[name]].map(String))),
  }
}

const scenario = fc.array(event, { maxLength: 40 })
const runs = { numRuns: 400 }

test('any sequence of events gives the table that a fresh computation gives', (t) => {
  fc.assert(
    fc.property(scenario, (events) => {
      const lived = newBuilder()
      for (const one of events) send(lived, one)
      lived.drain()
      const fresh = newBuilder()
      for (const one of lastOfEach(events)) send(fresh, one)
      fresh.drain()
      t.deepEqual(comparable(lived.table), comparable(fresh.table))
    }),
    runs,
  )
  t.pass()
})

test('applying what drain touched to the old table gives the new one, and nothing is left to do', (t) => {
  fc.assert(
    fc.property(scenario, (events) => {
      const builder = newBuilder()
      const applied = new AppliedTable(builder.table)
      for (const one of [...events, { do: 'drain' } as const]) {
        if (one.do !== 'drain') {
          send(builder, one)
          continue
        }
        const change = applied.difference(builder.table, builder.drain())
        for (const { before, after } of change.routes) t.notDeepEqual(before, after)
        applied.advance(change)
      }
      t.deepEqual(comparable(applied.table), comparable(builder.table))
      t.true(isEmptyChange(fullDifference(applied.table, builder.table)))
    }),
    runs,
  )
})

test('a failed apply loses nothing: its touched places and the later ones together lead to the new table', (t) => {
  fc.assert(
    fc.property(scenario, scenario, (first, second) => {
      const builder = newBuilder()
      const applied = new AppliedTable(builder.table)
      for (const one of first) if (one.do !== 'drain') send(builder, one)
      const failed = builder.drain()
      for (const one of second) if (one.do !== 'drain') send(builder, one)
      const touched = mergeTouched(failed, builder.drain())
      applied.advance(applied.difference(builder.table, touched))
      t.deepEqual(comparable(applied.table), comparable(builder.table))
    }),
    { numRuns: 100 },
  )
})

test('no two routes share a frontend, and every destination leads to a route that answers there', (t) => {
  fc.assert(
    fc.property(scenario, (events) => {
      const builder = newBuilder()
      for (const one of events) send(builder, one)
      builder.drain()
      const { routes, frontends } = builder.table
      let count = 0
      for (const route of routes.values()) {
        for (const { address: at, port } of route.frontends) {
          t.is(frontends.get(frontendKey(at, route.protocol, port)), route.key)
          count++
        }
      }
      t.is(frontends.size, count)
    }),
    runs,
  )
})

test('balance is never over an empty list, and a list that no verdict uses is empty', (t) => {
  fc.assert(
    fc.property(scenario, (events) => {
      const builder = newBuilder()
      for (const one of events) send(builder, one)
      builder.drain()
      for (const { endpoints, frontends } of builder.table.routes.values()) {
        const used = new Set(
          frontends.flatMap(({ verdicts }) =>
            sourceClasses
              .map((one) => verdicts[one])
              .map((one) => (one.do === 'balance' ? one.over : one.do)),
          ),
        )
        t.is(endpoints.cluster.length > 0, used.has('cluster'))
        t.is(endpoints.local.length > 0, used.has('local'))
      }
    }),
    runs,
  )
  t.pass()
})

test('evaluate never names an endpoint outside the route, and every evaluation has a reason', (t) => {
  const packet = fc.record({
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    source: fc.constantFrom('10.1.0.1', '192.168.1.1', '203.0.113.1').map(address),
    destination: fc.oneof(addresses, fc.constantFrom('192.168.1.1', '10.0.0.1', '10.96.9.9').map(address)),
    port: fc.constantFrom(80, 81, 30080, 30081),
  })
  fc.assert(
    fc.property(scenario, fc.array(packet, { minLength: 20, maxLength: 20 }), (events, packets) => {
      const builder = newBuilder()
      for (const one of events) send(builder, one)
      builder.drain()
      for (const one of packets) {
        const evaluation: Evaluation = evaluate(builder.table, one)
        t.not(describeEvaluation(builder, evaluation).text, '')
        if (evaluation.verdict !== 'balance') continue
        t.true(evaluation.endpoints.length > 0)
        t.is(builder.table.routes.get(evaluation.route.key), evaluation.route)
        t.is(evaluation.endpoints, evaluation.route.endpoints[evaluation.over])
      }
    }),
    { numRuns: 200 },
  )
  t.pass()
})

test('events that end where they began leave nothing to do', (t) => {
  fc.assert(
    fc.property(scenario, service, slice, (events, there, endpoints) => {
      const builder = newBuilder()
      for (const one of events) if (one.do !== 'removeService' || one.key !== there.key) send(builder, one)
      builder.setService(there)
      builder.setSlice(endpoints)
      builder.drain()
      const applied = new AppliedTable(builder.table)
      applied.advance(applied.fullDifference(builder.table))
      builder.removeService(there.key)
      builder.setSlice({ ...endpoints, endpoints: [] })
      builder.setService(there)
      builder.setSlice({ ...endpoints })
      t.true(isEmptyChange(difference(applied.table, builder.table, builder.drain())))
    }),
    runs,
  )
})
