import test from 'ava'
import { RelayCount, relayLimits } from '../relay-limits.ts'

const rows: readonly [number, number, number][] = [
  [1_048_576, 1000, 500],
  [1024, 256, 128],
  [0, 2, 1],
]
for (const [openFiles, total, perPort] of rows)
  test(`of ${openFiles} open files, ${total} connections are relayed, ${perPort} of one port`, (t) =>
    t.deepEqual(relayLimits(openFiles), { total, perPort }))

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
