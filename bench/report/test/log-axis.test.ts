import test from 'ava'
import fc from 'fast-check'
import { alongLog, logAxis, tickLabel } from '../log-axis.ts'

test('a long range has a tick at every power of ten', (t) => {
  const { min, max, ticks } = logAxis([0.14, 7200], 'ms')
  t.deepEqual({ min, max }, { min: 0.1, max: 10_000 })
  t.deepEqual(
    ticks.map((tick) => tickLabel(tick, 'ms')),
    ['100 µs', '1 ms', '10 ms', '100 ms', '1 s', '10 s'],
  )
})

test('a short range has ticks between', (t) => {
  t.deepEqual(logAxis([3, 20], 'ms').ticks, [2, 5, 10, 20, 50])
})

test('bytes have round ticks of KiB and MiB', (t) => {
  const ticks = logAxis([2000, 300 * 1024 ** 2], 'bytes').ticks
  t.deepEqual(
    ticks.map((tick) => tickLabel(tick, 'bytes')),
    ['1 KiB', '10 KiB', '100 KiB', '1 MiB', '10 MiB', '100 MiB'],
  )
})

test('what is not above zero does not count', (t) => {
  t.deepEqual(logAxis([0, -3, 5, 50], 'count'), logAxis([5, 50], 'count'))
  t.deepEqual(logAxis([], 'count').ticks, [1, 10])
})

test('every value lies inside, between at least two ticks', (t) => {
  const values = fc.array(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), { minLength: 1 })
  fc.assert(
    fc.property(values, fc.constantFrom('ms', 'bytes', 'count'), (list, unit) => {
      const axis = logAxis(list, unit)
      const inside = list.every((value) => alongLog(value, axis) > 0 && alongLog(value, axis) < 1)
      return inside && axis.ticks.length >= 2
    }),
  )
  t.pass()
})
