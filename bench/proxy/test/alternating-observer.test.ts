import { emptyTable } from '@portolan/core'
import type { Applied } from '@portolan/core/engine'
import test from 'ava'
import { AlternatingObserver } from '../alternating-observer.ts'

const applied: Applied = {
  family: 'IPv4',
  why: 'change',
  table: emptyTable('IPv4', { by: 'none' }),
  routes: [],
  setElements: 0,
  report: { operations: 1, bytes: 100, degraded: [] },
  timings: { received: 100, begun: 101, computed: 102, compiled: 103, applied: 105 },
  triggerTimes: [],
  totalRoutes: 1,
}

test('all are told until turns are taken, and afterwards again', (t) => {
  const told: string[] = []
  const observer = new AlternatingObserver(
    [{ onApplied: () => void told.push('applied'), onPending: (family) => void told.push(family) }],
    () => 0,
    () => 0.9,
  )
  observer.onPending('IPv6')
  observer.onApplied(applied)
  t.deepEqual(told, ['IPv6', 'applied'])
  observer.alternate()
  observer.onPending('IPv6')
  observer.onApplied(applied)
  t.is(told.length, 2)
  observer.takeCosts()
  observer.onApplied(applied)
  t.is(told.length, 3)
})

test('what telling costs is the difference between neighbors, whichever comes first', (t) => {
  let used = 0
  const firsts = [0, 0.9, 0.9, 0]
  const telling = {
    onApplied() {
      used += 30
    },
  }
  const observer = new AlternatingObserver(
    [telling],
    () => used,
    () => firsts.shift() ?? 0,
  )
  observer.alternate()
  for (let change = 0; change < 16 * 7; change++) {
    used += 500
    observer.onApplied(applied)
  }
  const { cpu, latency } = observer.takeCosts()
  t.deepEqual(cpu.with, [530, 530, 530])
  t.deepEqual(cpu.without, [500, 500, 500])
  t.is(latency.with.length + latency.without.length, 16 * 7)
  t.true([...latency.with, ...latency.without].every((microseconds) => microseconds === 5000))
})
