import test from 'ava'
import type { ClusterRecord, NodeRecord, RecordKind } from '../cluster/records.ts'
import type { ClusterSink } from '../source/cluster-source.ts'
import { parseCidr } from '../table/address.ts'
import { PodCidrGate } from './pod-cidr-gate.ts'

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
  t.deepEqual(events.seen, [
    'open 10.244.1.0/24',
    'set Node node-b',
    'set Node node-a',
    'remove Service shop/web',
    'synced Service',
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
