import test from 'ava'
import type { AppliedEvents } from '../../proxy/event-trace.ts'
import { takeByProbes } from '../traced.ts'

const apply = (received: readonly number[]): AppliedEvents => ({
  why: 'change',
  received,
  parsed: received,
  changeReceived: 0,
  tableChanged: 0,
  begun: 0,
  computed: 0,
  compiled: 0,
  applied: 0,
  operations: 0,
  bytes: 0,
})

test('an event without effect that comes after a probe is brought by a later one', async (t) => {
  const trace: AppliedEvents[] = []
  const pods: number[] = []
  let clock = 0
  /** Came over another watch, and changes nothing by itself. */
  let late: number[] = []
  const applies = await takeByProbes(
    {
      async takeTrace() {
        return trace.splice(0)
      },
    },
    async (pod) => {
      pods.push(pod)
      const sentAt = ++clock
      trace.push(apply([...late, ++clock]))
      late = pods.length === 2 ? [++clock] : []
      return { sentAt, events: 1 }
    },
    1,
  )
  t.deepEqual(pods, [1, 0, 1, 0])
  t.is(applies.flatMap(({ received }) => received).length, 5)
})
