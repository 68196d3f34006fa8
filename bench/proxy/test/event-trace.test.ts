import type { Applied } from '@portolan/core/engine'
import type { ClusterSink, ClusterSource } from '@portolan/core/source'
import { emptyTable } from '@portolan/core/table'
import test from 'ava'
import { EventTrace } from '../event-trace.ts'

const record = { kind: 'ServiceCIDR', key: 'kubernetes', cidrs: [] } as const

function started(offset = 0): {
  readonly trace: EventTrace
  readonly sink: ClusterSink
  readonly seen: string[]
} {
  const trace = new EventTrace(offset)
  const seen: string[] = []
  let given: ClusterSink | undefined
  const source: ClusterSource = {
    description: 'a test',
    async start(sink) {
      given = sink
    },
    async stop() {},
  }
  void trace.follow(source).start({
    set: () => seen.push('set'),
    remove: () => seen.push('remove'),
    synced: () => seen.push('synced'),
    problem: () => seen.push('problem'),
  })
  if (given === undefined) throw new Error('the source was not started')
  return { trace, sink: given, seen }
}

const applied = (begun: number): Applied => ({
  family: 'IPv4',
  why: 'change',
  table: emptyTable('IPv4', { by: 'none' }),
  routes: [],
  setElements: 0,
  report: { operations: 4, bytes: 100, degraded: [] },
  timings: { begun, computed: begun + 1, compiled: begun + 2, applied: begun + 3 },
  triggerTimes: [],
  totalRoutes: 1,
})

test('an event is in the first apply that began after it was parsed', (t) => {
  const { trace, sink } = started()
  sink.set(record, 1)
  sink.set(record, 2)
  const first = trace.take(applied(performance.now()))
  t.deepEqual(first.received, [1, 2])
  const begun = performance.now()
  sink.set(record, 3)
  t.deepEqual(trace.take(applied(begun - 1)).received, [])
  t.deepEqual(trace.take(applied(performance.now())).received, [3])
})

test('times are those of the machine', (t) => {
  const { trace, sink } = started(1000)
  sink.set(record, 1)
  const events = trace.take(applied(1e9))
  t.deepEqual(events.received, [1001])
  t.deepEqual(
    [events.tableChanged, events.begun, events.computed, events.compiled, events.applied],
    [1e9, 1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3].map((time) => time + 1000),
  )
})

test('everything reaches the sink behind it', (t) => {
  const { sink, seen } = started()
  sink.set(record, 1)
  sink.remove('Service', 'a/b', 1)
  sink.remove('EndpointSlice', 'a/b', 1)
  sink.synced('Node')
  t.deepEqual(seen, ['set', 'remove', 'remove', 'synced'])
})

test('a slice that goes is not waited for: without its Service it changes nothing', (t) => {
  const { trace, sink } = started()
  sink.remove('EndpointSlice', 'a/b', 1)
  sink.remove('Service', 'a/b', 2)
  t.deepEqual(trace.take(applied(performance.now())).received, [2])
})
