import test from 'ava'
import { rssGrowth } from '../rss-growth.ts'

for (const [claim, samples, before, after] of [
  ['what the warm-up takes is no growth', [1, 90, 50, 51, 52, 50, 51, 52], 52, 52],
  ['a leak shows', [10, 20, 30, 40, 50, 60, 70, 80], 50, 80],
  ['one sample is of the first half', [7], 7, 0],
] as const) {
  test(claim, (t) => {
    t.deepEqual(rssGrowth(samples), { before, after })
  })
}
