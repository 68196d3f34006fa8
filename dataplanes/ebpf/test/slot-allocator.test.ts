import test from 'ava'
import fc from 'fast-check'
import { SlotAllocator, type SlotRange } from '../layout/slot-allocator.ts'

const overlaps = (one: SlotRange, other: SlotRange) =>
  one.count > 0 && other.count > 0 && one.base < other.base + other.count && other.base < one.base + one.count

test('runs never overlap, nor lie outside, whatever is taken and given back', (t) => {
  const counts = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 200 })
  fc.assert(
    fc.property(counts, (steps) => {
      const allocator = new SlotAllocator(100, 1000)
      const taken: SlotRange[] = []
      let now = 0
      for (const [count, giveBack] of steps) {
        now += 300
        const first = giveBack ? taken.shift() : undefined
        if (first !== undefined) allocator.give(first, now)
        const base = allocator.take(count, now)
        if (base === undefined || count === 0) continue
        const range = { base, count }
        t.true(base >= 100 && base + count <= 1000)
        t.false(taken.some((other) => overlaps(range, other)))
        taken.push(range)
      }
    }),
  )
})

test('a run that was given back rests for a second', (t) => {
  const allocator = new SlotAllocator(0, 4)
  t.is(allocator.take(4, 0), 0)
  allocator.give({ base: 0, count: 4 }, 0)
  t.is(allocator.take(4, 999), undefined)
  t.is(allocator.take(4, 1000), 0)
})

test('what was adopted is taken, and what lies between is free', (t) => {
  const allocator = new SlotAllocator(0, 16, [
    { base: 4, count: 3 },
    { base: 12, count: 4 },
  ])
  const bases = [4, 4, 4].map((count) => allocator.take(count, 0))
  t.deepEqual(bases.toSorted(), [0, 8, undefined])
})
