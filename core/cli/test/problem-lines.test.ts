import test from 'ava'
import type { ObjectProblem } from '../../cluster/records.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { problemLines } from '../problem-lines.ts'

test('1,000 problems in objects are lines at once, then one a second, however many come', async (t) => {
  const clock = new VirtualClock()
  let told = 0
  const warn = () => void told++
  const tell = problemLines({ debug() {}, info() {}, warn, error() {} }, clock)
  const problem: ObjectProblem = {
    kind: 'Service',
    object: 'shop/web',
    field: 'spec.externalIPs[0]',
    value: '"127.0.0.1"',
    fix: 'is loopback',
    skipped: 'value',
  }
  for (let index = 0; index < 5000; index++) tell(problem)
  t.is(told, 1000)
  await clock.pass(10_000)
  for (let index = 0; index < 5000; index++) tell(problem)
  t.is(told, 1010)
})
