import test from 'ava'
import { quantiles } from '../quantiles.ts'

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

for (const [values, p50, p90, p99, max] of [
  [[7], 7, 7, 7, 7],
  [[2, 1], 1, 2, 2, 2],
  [upTo(10), 5, 9, 10, 10],
  [upTo(100), 50, 90, 99, 100],
  [upTo(1000).reverse(), 500, 900, 990, 1000],
] as const) {
  test(`the quantiles of ${values.length} values are values of the nearest rank`, (t) => {
    t.deepEqual(quantiles(values), { p50, p90, p99, max, samples: values.length })
  })
}

test('values are left in their order', (t) => {
  const values = [3, 1, 2]
  quantiles(values)
  t.deepEqual(values, [3, 1, 2])
})

for (const values of [[], [1, Number.NaN], [Number.POSITIVE_INFINITY]]) {
  test(`there are no quantiles of [${values}]`, (t) => {
    t.throws(() => quantiles(values), { instanceOf: RangeError })
  })
}
