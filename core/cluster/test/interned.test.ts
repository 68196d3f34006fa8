import test from 'ava'
import fc from 'fast-check'
import { interned, internedList } from '../interned.ts'

test('a string stays what it is, whichever others have been at its place', (t) => {
  const few = fc.string({ minLength: 0, maxLength: 3 })
  const text = fc.oneof(few, fc.string({ unit: 'binary', maxLength: 100 }))
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 50 }), (texts) => {
      const again = [...texts, ...texts]
      t.deepEqual(again.map(interned), again)
      t.deepEqual(again.flatMap(internedList), again)
    }),
    { numRuns: 100 },
  )
})

test('names that thousands of objects repeat stay themselves among tens of thousands', (t) => {
  const wrong: string[] = []
  for (let number = 0; number < 100_000; number++) {
    const name = `node-${number % 70_000}`
    if (interned(name) !== `node-${number % 70_000}`) wrong.push(name)
  }
  t.deepEqual(wrong, [])
})
