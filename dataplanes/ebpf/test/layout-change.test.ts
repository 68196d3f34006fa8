import type { Layout } from '@portolan/native/libbpf'
import test from 'ava'
import { conversionOf, convert } from '../layout/layout-change.ts'

/** Fields of a byte each, by their offsets; the size is that of all. */
const layout = (...names: string[]): Layout => ({
  size: names.length,
  members: names.map((name, offset) => ({ name, offset })),
})

const bytes = Buffer.from([1, 2, 3])
const now = layout('a', 'b', 'c')

for (const [claim, what, before, expected] of [
  ['the same stays', 'value', now, [1, 2, 3]],
  ['fields that moved are found by name', 'value', layout('c', 'a', 'b'), [2, 3, 1]],
  ['a field that is new is zero', 'value', layout('a', 'pad', 'b'), [1, 3, 0]],
  ['a field that is gone is left out', 'value', layout('a', 'gone', 'c'), [1, 0, 3]],
  ['a key may be in another order', 'key', layout('b', 'a', 'c'), [2, 1, 3]],
  ['a key with a field less means something else', 'key', layout('a', 'pad', 'b'), undefined],
  ['a key with a field more means something else', 'key', layout('a', 'b', 'c', 'd'), undefined],
  ['nothing in common is nothing to keep', 'value', layout('x', 'y', 'z'), undefined],
  ['unknown bytes stay if they are as many', 'key', { size: 3 }, [1, 2, 3]],
  ['and are lost otherwise', 'key', { size: 4 }, undefined],
] as const) {
  test(`of a ${what}: ${claim}`, (t) => {
    const conversion = conversionOf(before, now, what)
    if (expected === undefined) return t.is(conversion, undefined)
    const into = Buffer.alloc(3)
    convert(conversion!, bytes, into, 0)
    t.deepEqual([...into], expected)
  })
}

test('a field of another width is lost, and all with it', (t) => {
  const wide: Layout = {
    size: 3,
    members: [
      { name: 'a', offset: 0 },
      { name: 'c', offset: 2 },
    ],
  }
  t.is(conversionOf(wide, now, 'value'), undefined)
})
