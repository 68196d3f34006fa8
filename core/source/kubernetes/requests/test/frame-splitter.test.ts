import test from 'ava'
import { FrameSplitter } from '../frame-splitter.ts'

/** A chunk in which each text is a frame. */
function framed(...texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(text))
      return [length, Buffer.from(text)]
    }),
  )
}

/** The frames of a stream that comes in these pieces, the first at 1, the second at 2. */
function split(pieces: readonly Buffer[], limit = 1000): [string, number][] {
  const splitter = new FrameSplitter(limit)
  const frames: [string, number][] = []
  for (const [index, piece] of pieces.entries())
    splitter.push(piece, index + 1, (frame, at) => frames.push([frame.toString(), at]))
  return frames
}

test('several frames in one chunk are several', (t) => {
  t.deepEqual(split([framed('one', '', 'three')]), [
    ['one', 1],
    ['', 1],
    ['three', 1],
  ])
})

test('wherever the stream is cut, the frames are the same, and each has the time of its first byte', (t) => {
  const whole = framed('one', 'two')
  for (let at = 1; at < whole.length; at++) {
    const frames = split([whole.subarray(0, at), whole.subarray(at)])
    const firstOf = (begin: number) => (begin < at ? 1 : 2)
    t.deepEqual(
      frames,
      [
        ['one', 1],
        ['two', firstOf(7)],
      ],
      `cut at ${at}`,
    )
  }
})

test('a stream in single bytes has the same frames', (t) => {
  const bytes = [...framed('one', 'two')].map((byte) => Buffer.from([byte]))
  t.deepEqual(
    split(bytes).map(([frame]) => frame),
    ['one', 'two'],
  )
})

test('a frame that began says so until it has ended', (t) => {
  const splitter = new FrameSplitter(1000)
  const [head, tail] = [framed('one').subarray(0, 5), framed('one').subarray(5)]
  splitter.push(head, 1, () => t.fail())
  t.true(splitter.midFrame)
  splitter.push(tail, 2, (frame) => t.is(frame.toString(), 'one'))
  t.false(splitter.midFrame)
})

test('a frame over the limit is refused by its length, before its bytes come', (t) => {
  t.throws(() => split([framed('x'.repeat(11)).subarray(0, 4)], 10), {
    code: 'API_PROTOBUF',
    message: /11 bytes/,
  })
})
