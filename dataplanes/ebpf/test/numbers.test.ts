import test from 'ava'
import { Numbers, type RouteNumbers } from '../layout/numbers.ts'

const space = { services: 8, slots: 4 }
const nothing = { adopted: new Map(), others: [], leaving: [] }
const one: RouteNumbers = { service: 1, base: 0, count: 2 }
const rest = { service: 2, base: 2, count: 2 }

test('numbers and slots of what is leaving are used until it has left, and the slots rest then', (t) => {
  const numbers = new Numbers(space)
  numbers.adopt('IPv4', { ...nothing, leaving: [one] }, 0)
  t.deepEqual(numbers.take(undefined, 2, 0), rest)
  t.is(numbers.take(undefined, 2, 0), 'endpoints')
  numbers.left(100)
  t.is(numbers.take(undefined, 2, 1099), 'endpoints')
  t.deepEqual(numbers.take(undefined, 2, 1100), one)
})

test('what rests goes on resting when everything is compared', (t) => {
  const numbers = new Numbers(space)
  numbers.adopt('IPv4', { ...nothing, adopted: new Map([['a', one]]) }, 0)
  numbers.forget('IPv4', 'a', 500)
  numbers.adopt('IPv4', { ...nothing, adopted: new Map([['b', rest]]) }, 600)
  t.is(numbers.take(undefined, 2, 1499), 'endpoints')
  t.deepEqual(numbers.take(undefined, 2, 1500), one)
})

test('of a family whose program failed, what was read back counts', (t) => {
  const numbers = new Numbers(space)
  numbers.adopt('IPv4', nothing, 0)
  numbers.take(undefined, 2, 0)
  numbers.doubt('IPv4')
  numbers.adopt('IPv6', { ...nothing, others: [one] }, 0)
  t.deepEqual(numbers.take(undefined, 2, 0), rest)
})

test('slots that a damaged map gives to two services are not given back while one of them has them', (t) => {
  const numbers = new Numbers(space)
  const leaving = [{ service: 2, base: 1, count: 2 }]
  numbers.adopt('IPv4', { ...nothing, adopted: new Map([['a', one]]), leaving }, 0)
  numbers.left(0)
  t.is(numbers.take(undefined, 2, 5000), 'endpoints')
})
