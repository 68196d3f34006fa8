import test from 'ava'
import * as fc from 'fast-check'
import { defaultTimings } from '../../timings.ts'
import { ApiError } from '../api-error.ts'
import { LookPace } from '../look-pace.ts'

const { lookMs, stableAfterMs, retryMaxMs } = defaultTimings
const refused = new ApiError('API_UNREACHABLE', 'refused')
const untrusted = new ApiError('API_TLS', 'self-signed certificate')

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const took = fc.double({ min: 0, max: 20_000, noNaN: true })

/** The same numbers in [0, 1) in every run: a linear congruential generator. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('a server that is away is looked for within 1.1 looks, however long it has been away', (t) => {
  fc.assert(
    fc.property(random, fc.array(took, { maxLength: 100 }), (draw, looks) => {
      const pace = new LookPace(defaultTimings, () => draw)
      t.true(pace.afterLoss(stableAfterMs) <= lookMs)
      for (const tookMs of looks)
        t.true(pace.afterFailure(refused, tookMs) + tookMs <= Math.max(tookMs, 1.1 * lookMs))
    }),
  )
})

test('connections that do not last, or are refused by TLS, are tried ever more seldom', (t) => {
  const event = fc.constantFrom('lost', 'untrusted')
  fc.assert(
    fc.property(random, fc.array(event, { minLength: 12, maxLength: 40 }), (draw, events) => {
      const pace = new LookPace(defaultTimings, () => draw)
      const waits = events.map((what) =>
        what === 'lost' ? pace.afterLoss(10) : pace.afterFailure(untrusted, 10),
      )
      for (const wait of waits.slice(10)) t.true(wait >= retryMaxMs / 2)
    }),
  )
})

test('a connection that lasted makes the next loss a first one', (t) => {
  const pace = new LookPace(defaultTimings, () => 0.5)
  for (let losses = 0; losses < 20; losses++) pace.afterLoss(10)
  t.is(pace.afterLoss(stableAfterMs), lookMs / 2)
  t.true(pace.afterLoss(10) <= lookMs)
})

test('of 5,000 nodes that lose the same server no more than their share looks for it in any tenth of a look', (t) => {
  const draw = seeded(7)
  const slots = new Map<number, number>()
  const nodes = 5_000
  for (let node = 0; node < nodes; node++) {
    const pace = new LookPace(defaultTimings, draw)
    let at = pace.afterLoss(stableAfterMs)
    while (at < 40_000) at += pace.afterFailure(refused, 1) + 1
    // The first look after the server came back at 40 s.
    const slot = Math.floor(((at - 40_000) / lookMs) * 10)
    slots.set(slot, (slots.get(slot) ?? 0) + 1)
  }
  t.true(Math.max(...slots.keys()) <= 11)
  t.true(Math.max(...slots.values()) <= 1.25 * (nodes / 10))
})
