import test from 'ava'
import type { ClusterRecord, NodeRecord, ObjectProblem, RecordKind } from '../../cluster/records.ts'
import { parseCidr } from '../../network/address.ts'
import type { ClusterSink } from '../../source/cluster-source.ts'
import { PodCidrGate } from '../pod-cidr-gate.ts'

const node = (key: string, ...podCidrs: string[]): NodeRecord => ({
  kind: 'Node',
  key,
  zone: '',
  addresses: [],
  podCidrs: podCidrs.map((text) => parseCidr(text)!),
})

class Events implements ClusterSink {
  readonly seen: string[] = []
  set = ({ kind, key }: ClusterRecord) => void this.seen.push(`set ${kind} ${key}`)
  remove = (kind: RecordKind, key: string) => void this.seen.push(`remove ${kind} ${key}`)
  synced = (kind: RecordKind) => void this.seen.push(`synced ${kind}`)
  problem = () => void this.seen.push('problem')
  readable = (kind: RecordKind, readable: boolean) => void this.seen.push(`readable ${kind} ${readable}`)
}

function bench() {
  const events = new Events()
  const changes: string[] = []
  const gate = new PodCidrGate({
    nodeName: 'node-a',
    open: (podCidrs) => {
      events.seen.push(`open ${podCidrs.join()}`)
      return events
    },
    changed: (before, after) => changes.push(`${before.join()} -> ${after.join()}`),
  })
  return { events, changes, gate }
}

test('everything waits for the pod ranges of this node, and none other', (t) => {
  const { gate, events } = bench()
  gate.set(node('node-b', '10.244.2.0/24'), 0)
  gate.set(node('node-a'), 0)
  gate.remove('Service', 'shop/web', 0)
  gate.synced('Service')
  t.deepEqual(events.seen, [])
  gate.set(node('node-a', '10.244.1.0/24'), 0)
  t.deepEqual(events.seen, ['open 10.244.1.0/24', 'set Node node-b', 'set Node node-a', 'synced Service'])
})

test('what comes and goes while the ranges are awaited leaves nothing: memory is bounded by what exists', (t) => {
  const { gate, events } = bench()
  const slice = (name: string): ClusterRecord => ({
    ...{ kind: 'EndpointSlice', key: `shop/${name}`, serviceKey: 'shop/web', family: 'IPv4' },
    ...{ ports: [], endpoints: [] },
  })
  const problem = (value: string): ObjectProblem => ({
    ...{
      kind: 'Service',
      object: 'shop/web',
      field: 'spec.type',
      value,
      fix: 'must be a type',
      skipped: 'value',
    },
  })
  for (let round = 0; round < 20_000; round++) {
    gate.set(slice(`web-${round}`), 0)
    gate.problem(problem(String(round % 5)))
    gate.remove('EndpointSlice', `shop/web-${round}`, 0)
    gate.remove('EndpointSlice', `never-${round}`, 0)
  }
  t.deepEqual(gate.held, { objects: 0, problems: 5 })
  for (let round = 0; round < 20_000; round++) gate.problem(problem(String(round)))
  t.true(gate.held.problems <= 1000)
  gate.set(slice('stays'), 0)
  gate.set(node('node-a', '10.244.1.0/24'), 0)
  t.deepEqual(
    events.seen.filter((event) => event !== 'problem'),
    ['open 10.244.1.0/24', 'set EndpointSlice shop/stays', 'set Node node-a'],
  )
  t.deepEqual(gate.held, { objects: 0, problems: 0 })
})

test('that a kind cannot be read is passed on, before the kind is complete', (t) => {
  const { gate, events } = bench()
  gate.readable('ServiceCIDR', false)
  gate.synced('ServiceCIDR')
  gate.set(node('node-a', '10.244.1.0/24'), 0)
  gate.readable('ServiceCIDR', true)
  t.deepEqual(events.seen, [
    ...['open 10.244.1.0/24', 'set Node node-a', 'readable ServiceCIDR false', 'synced ServiceCIDR'],
    'readable ServiceCIDR true',
  ])
})

test('afterwards everything passes at once', (t) => {
  const { gate, events } = bench()
  gate.set(node('node-a', '10.244.1.0/24'), 0)
  gate.synced('Node')
  gate.remove('Node', 'node-a', 0)
  t.deepEqual(events.seen.slice(1), ['set Node node-a', 'synced Node', 'remove Node node-a'])
})

test('other ranges are told, the same or none are not', (t) => {
  const { gate, changes } = bench()
  for (const ranges of [['10.244.1.0/24'], ['10.244.1.0/24'], [], ['10.244.9.0/24']]) {
    gate.set(node('node-a', ...ranges), 0)
  }
  t.deepEqual(changes, ['10.244.1.0/24 -> 10.244.9.0/24'])
})
