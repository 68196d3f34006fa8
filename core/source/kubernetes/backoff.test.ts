import test from 'ava'
import { Backoff } from './backoff.ts'

const limits = { retryMinMs: 100, retryMaxMs: 1_000 }
const draws = (count: number, random: () => number) => {
  const backoff = new Backoff(limits, random)
  return Array.from({ length: count }, () => backoff.next())
}

test('doubles from the least to the greatest delay, and stays there', (t) => {
  t.deepEqual(
    draws(6, () => 1),
    [100, 200, 400, 800, 1_000, 1_000],
  )
})

test('jitter takes away up to half', (t) => {
  t.deepEqual(
    draws(3, () => 0),
    [50, 100, 200],
  )
})

test('never stops and never overflows', (t) => {
  const delays = draws(5_000, () => 0.5)
  t.is(delays.at(-1), 750)
})

test('starts again after a reset', (t) => {
  const backoff = new Backoff(limits, () => 1)
  backoff.next()
  backoff.next()
  backoff.reset()
  t.is(backoff.next(), 100)
})
