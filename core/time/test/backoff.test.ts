import test from 'ava'
import { backoff } from '../backoff.ts'

const limits = { retryMinMs: 100, retryMaxMs: 1_000 }
const delays = (draw: number) => [1, 2, 3, 4, 5, 6].map((failures) => backoff(failures, limits, () => draw))

test('doubles from the least to the greatest delay, and stays there', (t) => {
  t.deepEqual(delays(1), [100, 200, 400, 800, 1_000, 1_000])
})

test('chance takes away up to half', (t) => {
  t.deepEqual(delays(0), [50, 100, 200, 400, 500, 500])
})

for (const failures of [32, 5_000, Number.MAX_SAFE_INTEGER]) {
  test(`the delay after ${failures} failures is the greatest one, not infinite or none`, (t) => {
    t.is(
      backoff(failures, limits, () => 0.5),
      750,
    )
    t.is(
      backoff(failures, { retryMinMs: 0, retryMaxMs: 0 }, () => 0.5),
      0,
    )
  })
}
