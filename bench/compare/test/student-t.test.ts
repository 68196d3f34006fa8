import test from 'ava'
import { twoSidedProbability, twoSidedQuantile } from '../student-t.ts'

/** From the tables that every book on statistics prints. */
const table: readonly (readonly [probability: number, degreesOfFreedom: number, value: number])[] = [
  [0.05, 1, 12.706],
  [0.05, 2, 4.303],
  [0.05, 4, 2.776],
  [0.05, 10, 2.228],
  [0.05, 30, 2.042],
  [0.01, 4, 4.604],
  [0.01, 18, 2.878],
  [0.001, 4, 8.61],
  [0.001, 60, 3.46],
  [0.05, Number.POSITIVE_INFINITY, 1.96],
  [0.001, Number.POSITIVE_INFINITY, 3.291],
]

for (const [probability, degreesOfFreedom, value] of table) {
  test(`${probability} lies beyond ${value} with ${degreesOfFreedom} degrees of freedom`, (t) => {
    t.true(Math.abs(twoSidedQuantile(probability, degreesOfFreedom) - value) < 0.001)
    t.true(Math.abs(twoSidedProbability(value, degreesOfFreedom) / probability - 1) < 0.002)
  })
}

test('fractional degrees of freedom lie between', (t) => {
  const between = twoSidedQuantile(0.05, 2.5)
  t.true(between < 4.303 && between > 3.182)
})

test('everything lies beyond 0, and the tails have no end', (t) => {
  t.is(twoSidedProbability(0, 3), 1)
  t.true(twoSidedProbability(1e6, 3) > 0)
  t.throws(() => twoSidedQuantile(0, 3), { instanceOf: RangeError })
})
