import test from 'ava'
import type { AppliedEvents } from '../../proxy/event-trace.ts'
import { lagsOf } from '../churn.ts'

const apply = (applied: number, events: number): AppliedEvents => ({
  why: 'change',
  received: Array.from({ length: events }, () => 0),
  parsed: [],
  changeReceived: 0,
  tableChanged: 0,
  begun: 0,
  computed: 0,
  compiled: 0,
  applied,
  operations: 0,
  bytes: 0,
})

test('the lag of each change is from its own writing to the commit that has it', (t) => {
  t.deepEqual(lagsOf([0, 1, 2, 10], [apply(5, 1), apply(8, 2), apply(11, 1)]), [5, 7, 6, 1])
})
