import { letterOf } from '@portolan/core'
import test from 'ava'
import fc from 'fast-check'
import {
  choiceNumber,
  choiceOfNumber,
  firstAffinityRoute,
  lastAffinityRoute,
  maximumAffinityCount,
  maximumCount,
  numberText,
  policyNumber,
  policyOfNumber,
} from '../layout/numbers.ts'

const letter = fc.constantFrom('c', 'C', 'l', 'L', 'r', 'd')
const policy = fc.record({ pod: letter, node: letter, outside: letter, filtered: fc.boolean() })

test('a policy survives its number', (t) => {
  fc.assert(fc.property(policy, (some) => t.deepEqual(policyOfNumber(policyNumber(some)), some)))
})

test('a choice survives its number, with and without affinity', (t) => {
  const choice = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: maximumCount }) }),
    fc.record({
      count: fc.integer({ min: 1, max: maximumAffinityCount }),
      affinitySeconds: fc.integer({ min: 1, max: 86400 }),
    }),
  )
  fc.assert(fc.property(choice, (some) => t.deepEqual(choiceOfNumber(choiceNumber(some)), some)))
})

test('no policy, count, choice or affinity number is taken for one of another kind', (t) => {
  const ranges = [
    [1, maximumCount],
    [
      policyNumber({ pod: 'c', node: 'c', outside: 'c', filtered: false }),
      policyNumber({ pod: 'd', node: 'd', outside: 'd', filtered: true }),
    ],
    [firstAffinityRoute * 0x10000, lastAffinityRoute * 0x10000 + 0xffff],
    [choiceNumber({ count: 1, affinitySeconds: 0 }), 0xffffffff],
  ]
  for (const [index, [, last = 0]] of ranges.entries()) {
    const [first = Number.POSITIVE_INFINITY] = ranges[index + 1] ?? []
    t.true(last < first)
  }
})

test('numbers read as nft writes them', (t) => {
  const rows: [number, string][] = [
    [3, '0:3'],
    [0x10001, '1:1'],
    [0x2a0003, '2a:3'],
    [choiceNumber({ count: 3, affinitySeconds: 10800 }), '8a8c:3'],
  ]
  for (const [number, text] of rows) t.is(numberText(number), text)
})

test('a verdict is one letter, a capital when masqueraded', (t) => {
  t.is(letterOf({ do: 'balance', over: 'cluster', masquerade: true }), 'C')
  t.is(letterOf({ do: 'balance', over: 'local', masquerade: false }), 'l')
  t.is(letterOf({ do: 'reject' }), 'r')
  t.is(letterOf({ do: 'drop' }), 'd')
})
