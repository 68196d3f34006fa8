import { Socket } from 'node:net'
import test from 'ava'
import { ConnectionBudget } from '../connection-budget.ts'

test('of connections that come at once no more than the limit stay, and they are the newest', (t) => {
  const budget = new ConnectionBudget(2)
  const sockets = Array.from({ length: 5 }, () => new Socket())
  for (const socket of sockets) budget.take(socket)
  t.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true, true, true, false, false],
  )
  t.is(budget.size, 2)
})
