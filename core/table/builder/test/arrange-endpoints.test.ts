import test from 'ava'
import fc from 'fast-check'
import { type Endpoint, endpointKey } from '../../service-route.ts'
import { adoptOrder, arrangeEndpoints } from '../arrange-endpoints.ts'
import { address } from './example-records.ts'

const endpoint = (last: number, local = false): Endpoint => ({
  address: address(`10.1.0.${last}`),
  port: 80,
  local,
})
const lasts = (list: readonly Endpoint[]) => list.map((one) => Number(one.address.split('.')[3]))

const rows: readonly { claim: string; before: number[]; after: number[]; expect: number[] }[] = [
  { claim: 'without an order to keep they are sorted', before: [], after: [3, 1, 2], expect: [1, 2, 3] },
  { claim: 'a newcomer goes to the end', before: [2, 3], after: [1, 2, 3], expect: [2, 3, 1] },
  {
    claim: 'a newcomer takes the place of one that left',
    before: [1, 2, 3],
    after: [1, 3, 4],
    expect: [1, 4, 3],
  },
  {
    claim: 'the last one fills the place of one that left',
    before: [1, 2, 3, 4],
    after: [1, 3, 4],
    expect: [1, 4, 3],
  },
  { claim: 'the last one leaves without a move', before: [1, 2, 3], after: [1, 2], expect: [1, 2] },
  {
    claim: 'several that leave are filled from the end',
    before: [1, 2, 3, 4, 5],
    after: [2, 5],
    expect: [5, 2],
  },
  { claim: 'all may leave', before: [1, 2], after: [], expect: [] },
  { claim: 'all may be replaced', before: [1, 2], after: [3, 4, 5], expect: [3, 4, 5] },
]

for (const { claim, before, after, expect } of rows) {
  test(claim, (t) => {
    const arranged = arrangeEndpoints(
      before.map((last) => endpoint(last)),
      after.map((last) => endpoint(last)),
    )
    t.deepEqual(lasts(arranged), expect)
  })
}

test('the same endpoints in another order are the very same list', (t) => {
  const before = [endpoint(2), endpoint(1)]
  t.is(arrangeEndpoints(before, [endpoint(1), endpoint(2)]), before)
})

test('an endpoint that becomes local keeps its place', (t) => {
  t.deepEqual(arrangeEndpoints([endpoint(1), endpoint(2)], [endpoint(2), endpoint(1, true)]), [
    endpoint(1, true),
    endpoint(2),
  ])
})

test('it holds the new set, and moves at most as many as left', (t) => {
  const set = fc
    .uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 })
    .map((list) => list.map((one) => endpoint(one)))
  fc.assert(
    fc.property(set, set, (before, after) => {
      const arranged = arrangeEndpoints(before, after)
      t.deepEqual(lasts(arranged).sort(), lasts(after).sort())
      if (before.length === 0) return
      const kept = new Set(after.map(endpointKey))
      const left = before.filter((one) => !kept.has(endpointKey(one))).length
      const moved = before.filter((one, index) => {
        const now = arranged.findIndex((other) => endpointKey(other) === endpointKey(one))
        return now >= 0 && now !== index
      }).length
      t.true(moved <= left)
    }),
    { numRuns: 1000 },
  )
})

test("a predecessor's order is taken over: what it had stays in place, what it lacks fills up", (t) => {
  const rows: [string[], number[], string][] = [
    [['3', '1', '2'], [1, 2, 3], '3 1 2'],
    [['3', '9', '1'], [1, 2, 3], '3 2 1'],
    [['2', '1'], [1, 2, 3], '2 1 3'],
    [['9', '8', '2'], [2], '2'],
    [['', '2', '1'], [1, 2], '1 2'],
    [[], [1, 2], '1 2'],
  ]
  for (const [order, now, expected] of rows) {
    const keys = order.map((last) => (last === '' ? '' : endpointKey(endpoint(Number(last)))))
    const arranged = adoptOrder(
      now.map((last) => endpoint(last)),
      keys,
    )
    t.is(lasts(arranged).join(' '), expected)
  }
})

test('an order that is there already gives the very same list', (t) => {
  const list = [endpoint(2), endpoint(1)]
  t.is(adoptOrder(list, list.map(endpointKey)), list)
})
