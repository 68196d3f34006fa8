import test from 'ava'
import { SpareTurn } from '../spare-turn.ts'
import { FakeTiming } from './fake-timing.ts'

function turn() {
  const timing = new FakeTiming()
  const state = { free: true, taken: [] as number[] }
  const spare = new SpareTurn({
    timing,
    isFree: () => state.free,
    take: () => state.taken.push(timing.now()),
  })
  return { timing, state, spare }
}

test('it is taken when its time has come, once', async (t) => {
  const { timing, state, spare } = turn()
  spare.await(100)
  await timing.pass(99)
  t.true(spare.isAwaited)
  await timing.pass(1000)
  t.deepEqual(state.taken, [100])
  t.false(spare.isAwaited)
})

test('it is put off while there is no time, and taken as soon as there is', async (t) => {
  const { timing, state, spare } = turn()
  state.free = false
  spare.await(100)
  await timing.pass(150)
  t.deepEqual([state.taken, spare.isAwaited, spare.isOverdue], [[], true, false])
  state.free = true
  await timing.pass(20)
  t.deepEqual(state.taken, [160])
})

test('it is put off for a second at most, also where its wait begins anew meanwhile; then it is overdue until taken', async (t) => {
  const { timing, state, spare } = turn()
  state.free = false
  spare.await(0)
  await timing.pass(500)
  spare.await(0)
  await timing.pass(460)
  t.false(spare.isOverdue)
  await timing.pass(60)
  t.deepEqual([state.taken, spare.isAwaited, spare.isOverdue], [[], false, true])
  spare.take()
  t.deepEqual([state.taken.length, spare.isOverdue], [1, false])

  spare.await(0)
  await timing.pass(990)
  t.false(spare.isOverdue, 'what was taken is put off from the first time again')
})

test('asked for, it is taken at once, or is overdue', (t) => {
  const { state, spare } = turn()
  spare.await(100)
  spare.ask()
  t.deepEqual([state.taken, spare.isAwaited], [[0], false])
  state.free = false
  spare.ask()
  t.deepEqual([state.taken.length, spare.isOverdue], [1, true])
})

test('a canceled one is not taken', async (t) => {
  const { timing, state, spare } = turn()
  spare.await(100)
  spare.cancel()
  await timing.pass(1000)
  t.deepEqual([state.taken, spare.isAwaited], [[], false])
})
