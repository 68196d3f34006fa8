import test from 'ava'
import * as fc from 'fast-check'
import { LineSplitter } from '../line-splitter.ts'

test('lines come out whole however the bytes are cut, also inside a character', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' ')),
        { maxLength: 20 },
      ),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const splitter = new LineSplitter(1 << 20)
        const got: string[] = []
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value
          splitter.push(bytes.subarray(at, at + size), 0, (line) => got.push(line))
          at += size
        }
        t.deepEqual(
          got,
          lines.filter((line) => line !== ''),
        )
        t.false(splitter.midLine)
      },
    ),
  )
})

test('a line carries the time of its first byte', (t) => {
  const splitter = new LineSplitter(100)
  const got: [string, number][] = []
  const push = (text: string, at: number) =>
    splitter.push(Buffer.from(text), at, (line, since) => got.push([line, since]))
  push('a\nb', 1)
  push('b', 2)
  push('b\nc\nd', 3)
  push('\n', 4)
  t.deepEqual(got, [
    ['a', 1],
    ['bbb', 1],
    ['c', 3],
    ['d', 3],
  ])
})

test('knows when it stands in the middle of a line', (t) => {
  const splitter = new LineSplitter(100)
  splitter.push(Buffer.from('a\nb'), 0, () => {})
  t.true(splitter.midLine)
})

test('a line without an end does not fill the memory', (t) => {
  const splitter = new LineSplitter(10)
  splitter.push(Buffer.alloc(10, 'x'), 0, () => {})
  t.throws(() => splitter.push(Buffer.from('x'), 0, () => {}), { code: 'API_MALFORMED' })
})
