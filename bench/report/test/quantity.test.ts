import test from 'ava'
import type { Unit } from '../../metrics.ts'
import { describeSize, formatQuantity, shortCount } from '../quantity.ts'

const quantities: readonly (readonly [number, Unit, string])[] = [
  [0.1423, 'ms', '142 µs'],
  [1.4229, 'ms', '1.42 ms'],
  [999.6, 'ms', '1,000 ms'],
  [62_000, 'ms', '62 s'],
  [1_004_000, 'ms', '16.7 min'],
  [0.9, 'us', '0.9 µs'],
  [41.26, 'us', '41.3 µs'],
  [1532, 'us', '1.53 ms'],
  [-0.31, 'ms', '-310 µs'],
  [0, 'ms', '0 ms'],
  [0, 'bytes', '0 B'],
  [128, 'bytes', '128 B'],
  [230_686_720, 'bytes', '220 MiB'],
  [1.2 * 1024 ** 3, 'bytes', '1.2 GiB'],
  [390_424, 'count', '390,424'],
  [4.5, 'count', '4.5'],
  [1998.7, 'per second', '1,999/s'],
  [Number.NaN, 'ms', '-'],
]

for (const [value, unit, text] of quantities) {
  test(`${value} ${unit} reads ${text}`, (t) => t.is(formatQuantity(value, unit), text))
}

test('numbers beside an axis are short', (t) => {
  t.deepEqual([100, 1000, 45_000, 1_500_000].map(shortCount), ['100', '1k', '45k', '1.5M'])
})

test('one of a thing is singular', (t) => {
  t.is(describeSize(1, 10_000), '1 Service x 10,000 endpoints')
})
