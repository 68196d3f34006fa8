import test from 'ava'
import fc from 'fast-check'
import type { ServiceRecord, SliceRecord } from '../../../cluster/records.ts'
import { frontendKey } from '../../service-route.ts'
import type { Touched } from '../../touched.ts'
import { type FlowAddress, flowAddressKey, udpDestinations, udpServersAt } from '../../udp-flows.ts'
import { mergeSlices } from '../slice-cache.ts'
import type { TableBuilder } from '../table-builder.ts'
import { address } from './example-records.ts'
import { type Event, event, newBuilder, send } from './random-events.ts'

/** A flow by its two ends that matter. */
interface Flow {
  readonly destination: FlowAddress
  readonly server: FlowAddress
}

const destinations = [
  ...[1, 2, 3, 4].map((number) => `10.96.0.${number}`),
  '192.168.1.1',
  '10.0.0.1',
].flatMap((text) => [80, 81, 30080, 30081].map((port): FlowAddress => ({ address: address(text), port })))
const servers = [1, 2, 3, 4, 5, 6].flatMap((number) =>
  [8080, 8081].map((port): FlowAddress => ({ address: address(`10.1.0.${number}`), port })),
)
const flows: readonly Flow[] = destinations.flatMap((destination) =>
  [...servers, destination].map((server) => ({ destination, server })),
)

const textOf = ({ destination, server }: Flow) => `${flowAddressKey(destination)}=${flowAddressKey(server)}`

/** Of all flows that there may be, those that are to be forgotten. */
function staleFlows(builder: TableBuilder): Set<string> {
  const serversAt = udpServersAt(builder.table, builder.udpServers)
  const stale = flows.filter(({ destination, server }) => {
    const lists = serversAt(destination.address, destination.port)
    const isServer = (one: FlowAddress) => flowAddressKey(one) === flowAddressKey(server)
    return lists.length > 0 && !lists.some((list) => list.some(isServer))
  })
  return new Set(stale.map(textOf))
}

/** The same from the objects, flow by flow. */
function staleByObjects(builder: TableBuilder, events: readonly Event[]): Set<string> {
  const services = new Map<string, ServiceRecord>()
  const slices = new Map<string, SliceRecord>()
  for (const one of events) {
    if (one.do === 'setService') services.set(one.service.key, one.service)
    if (one.do === 'removeService') services.delete(one.key)
    if (one.do === 'setSlice') slices.set(one.slice.key, one.slice)
    if (one.do === 'removeSlice') slices.delete(one.key)
  }
  const { table } = builder
  const ownerOf = ({ address: at, port }: FlowAddress) =>
    table.frontends.get(frontendKey(at, 'UDP', port)) ??
    (table.nodePortAddresses.has(at) ? table.frontends.get(frontendKey(undefined, 'UDP', port)) : undefined)
  const inOrder = [...slices.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  const stale = flows.filter(({ destination, server }) => {
    const owner = ownerOf(destination)
    if (owner === undefined) return false
    const [key = '', portName = ''] = owner.replace('/UDP', '').split(':')
    if (!services.has(key)) throw new Error(`${owner} has no Service`)
    const own = inOrder.filter(({ serviceKey }) => serviceKey === key)
    return !mergeSlices(own, portName, 'UDP').some(
      ({ endpoint, port }) =>
        (endpoint.serving || endpoint.ready) && endpoint.address === server.address && port === server.port,
    )
  })
  return new Set(stale.map(textOf))
}

function isSuspect({ destination, server }: Flow, touched: Touched): boolean {
  const { answeredBy, sentTo } = touched.flows
  return answeredBy.has(flowAddressKey(server)) || sentTo.has(flowAddressKey(destination))
}

test('a flow of UDP is stale where its destination has a Service that it is answered past the servers of', (t) => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const builder = newBuilder()
      for (const one of events) send(builder, one)
      builder.drain()
      t.deepEqual(staleFlows(builder), staleByObjects(builder, events))
    }),
    { numRuns: 300 },
  )
  t.pass()
})

test('each flow that becomes stale is among those that are to be looked at', (t) => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 20, maxLength: 80, size: 'max' }),
      fc.nat(2),
      (events, undrained) => {
        const builder = newBuilder()
        let before = staleFlows(builder)
        for (const [index, one] of events.entries()) {
          if (one.do !== 'drain') send(builder, one)
          if (index % (undrained + 1) !== 0) continue
          const touched = builder.drain()
          const after = staleFlows(builder)
          const missed = flows.filter(
            (flow) => after.has(textOf(flow)) && !before.has(textOf(flow)) && !isSuspect(flow, touched),
          )
          t.deepEqual(missed.map(textOf), [])
          before = after
        }
      },
    ),
    { numRuns: 300 },
  )
  t.pass()
})

test('every flow that may be stale goes to one of the destinations', (t) => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const builder = newBuilder()
      for (const one of events) send(builder, one)
      builder.drain()
      const listed = new Set([...udpDestinations(builder.table, builder.udpServers)].map(flowAddressKey))
      const serversAt = udpServersAt(builder.table, builder.udpServers)
      const judged = destinations.filter(({ address: at, port }) => serversAt(at, port).length > 0)
      t.deepEqual([...listed].sort(), judged.map(flowAddressKey).sort())
    }),
    { numRuns: 300 },
  )
  t.pass()
})
