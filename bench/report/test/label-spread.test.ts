import test from 'ava'
import fc from 'fast-check'
import { spreadLabels } from '../label-spread.ts'

const room = { gap: 15, min: 10, max: 300 }

test('labels with room stay where they are', (t) => {
  t.deepEqual(spreadLabels([40, 200, 100], room), [40, 200, 100])
})

test('labels at one place spread around it', (t) => {
  t.deepEqual(spreadLabels([100, 100, 100], room), [85, 100, 115])
})

test('labels at an edge stay inside', (t) => {
  t.deepEqual(spreadLabels([300, 299, 320], room), [285, 270, 300])
})

test('no two labels overlap, all are inside, and their order is that of their lines', (t) => {
  const places = fc.array(fc.double({ min: -50, max: 400, noNaN: true }), { maxLength: 18 })
  fc.assert(
    fc.property(places, (wanted) => {
      const placed = spreadLabels(wanted, room)
      const sorted = [...placed].sort((a, b) => a - b)
      const apart = sorted.every((place, at) => at === 0 || place - sorted[at - 1]! > room.gap - 1e-6)
      const inside = placed.every((place) => place > room.min - 1e-6 && place < room.max + 1e-6)
      const ordered = wanted.every((a, i) => wanted.every((b, j) => a >= b || placed[i]! < placed[j]!))
      return apart && inside && ordered
    }),
  )
  t.pass()
})
