import test from 'ava'
import { RelayCount, relayLimits } from '../relay-limits.ts'

test('of all connections that may be relayed half may be of one port', (t) =>
  t.deepEqual(relayLimits(1000), { total: 1000, perPort: 500 }))

test('one port leaves room for others, and all of them together end at the limit', (t) => {
  const count = new RelayCount({ total: 3, perPort: 2 })
  t.deepEqual(
    ['a', 'a', 'a', 'b', 'b'].map((port) => count.take(port)),
    [true, true, false, true, false],
  )
  t.is(count.total, 3)
  count.giveBack('a')
  t.deepEqual([count.take('b'), count.take('c')], [true, false])
  for (const port of ['a', 'b', 'b']) count.giveBack(port)
  t.is(count.total, 0)
})
