import fc from 'fast-check'

type Part = string | Buffer

/** Places as parts of the whole, in thousandths, so that a change can be made smaller apart from what it changes. */
const place = fc.nat(999)

interface Change {
  readonly how: 'replace' | 'insert' | 'cut' | 'double' | 'drop'
  readonly at: number
  readonly by: Part
}

function changed<Whole extends Part>(whole: Whole, { how, at, by }: Change): Whole {
  const index = Math.floor((whole.length * at) / 1000)
  const cut = (from: number, to?: number) => whole.slice(from, to)
  const join = (...parts: Part[]) =>
    (typeof whole === 'string' ? parts.join('') : Buffer.concat(parts as Buffer[])) as Whole
  switch (how) {
    case 'replace':
      return join(cut(0, index), by, cut(index + by.length))
    case 'insert':
      return join(cut(0, index), by, cut(index))
    case 'cut':
      return join(cut(0, index))
    case 'double':
      return join(cut(0, index), cut(Math.max(0, index - 40), index), cut(index))
    case 'drop':
      return join(cut(0, index), cut(index + by.length))
  }
}

function changes(by: fc.Arbitrary<Part>): fc.Arbitrary<readonly Change[]> {
  const how = fc.constantFrom<Change['how'][]>('replace', 'insert', 'cut', 'double', 'drop')
  return fc.array(fc.record({ how, at: place, by }), { maxLength: 6 })
}

/** What text is made of that means something to some parser. */
const words = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '\\',
  '\n',
  '\n- ',
  ': ',
  ' #',
  '&a ',
  '*a',
  '!!binary ',
  '---\n',
  '%',
  '|',
  '>',
  '?',
  ' ',
  '\t',
  '\0',
  '\u001b[31m',
  '\u202e',
  '-1',
  '1e999',
  '9'.repeat(40),
  '::ffff:1.2.3.4',
  '0.0.0.0/0',
  'null',
  '~',
  '__proto__',
)

/** A text that was right, with a few changes; or anything. */
export function damagedText(...right: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(words, fc.string({ unit: 'binary', maxLength: 8 }))
  const damaged = fc
    .tuple(fc.constantFrom(...right), changes(piece))
    .map(([text, all]) => all.reduce<string>(changed, text))
  const nested = fc
    .tuple(fc.constantFrom('[', '{"a":', '- ', '{a: ', '? ', '(', '"\\"', '&a *a '), fc.nat(3000))
    .map(([open, times]) => open.repeat(times))
  return fc.oneof(
    { weight: 8, arbitrary: damaged },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: nested },
  )
}

/** Bytes that were right, with a few changes; or any. */
export function damagedBytes(...right: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    // Lengths, and what overflows.
    fc.constantFrom([0], [1], [4, 0], [5, 0], [6, 0], [255, 255], [0, 0, 0, 0], [255, 255, 255, 255]),
  )
  const damaged = fc
    .tuple(fc.constantFrom(...right), changes(piece.map((bytes) => Buffer.from(bytes))))
    .map(([bytes, all]) => all.reduce<Buffer>(changed, bytes))
  return fc.oneof(
    { weight: 8, arbitrary: damaged },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)) },
  )
}
