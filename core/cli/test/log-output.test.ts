import test from 'ava'
import { LogOutput } from '../log-output.ts'

/** An output that takes so many bytes at once, and fails where it is told to. */
function output(atOnce = 1000) {
  let failure: string | undefined
  const told: string[] = []
  const pieces: Uint8Array[] = []
  const log = new LogOutput({
    write(bytes) {
      if (failure !== undefined) {
        const code = failure
        // A pipe that is full is so for a moment.
        if (code === 'EAGAIN') failure = undefined
        throw Object.assign(new Error(`${code}: fails, write`), { code })
      }
      const written = bytes.subarray(0, atOnce)
      pieces.push(written)
      return written.length
    },
    onLost: ({ code }) => told.push(`lost by ${code}`),
    onBack: (lost) => told.push(`back after ${lost}`),
  })
  const seen = () => Buffer.concat(pieces).toString()
  return { log, seen, told, fail: (code: string | undefined) => (failure = code) }
}

test('a line is written whole, however little is taken at once', (t) => {
  const { log, seen, told } = output(3)
  log.write('one line\n')
  log.write('and äöü\n')
  t.is(seen(), 'one line\nand äöü\n')
  t.deepEqual(told, [])
})

test('a pipe that is full is waited for', (t) => {
  const { log, seen, told, fail } = output()
  fail('EAGAIN')
  log.write('one line\n')
  t.is(seen(), 'one line\n')
  t.deepEqual(told, [])
})

test('lines that a full disk does not take are lost and counted, and the next ones are written', (t) => {
  const { log, seen, told, fail } = output()
  log.write('before\n')
  fail('ENOSPC')
  for (const line of ['a\n', 'b\n', 'c\n']) log.write(line)
  t.deepEqual(told, ['lost by ENOSPC'])
  fail(undefined)
  log.write('after\n')
  log.write('later\n')
  t.is(seen(), 'before\nafter\nlater\n')
  t.deepEqual(told, ['lost by ENOSPC', 'back after 3'])
  fail('EIO')
  log.write('d\n')
  t.deepEqual(told.slice(2), ['lost by EIO'])
})

test('after a line of which a part was written, the next one begins a line', (t) => {
  let room = 4
  const seen: string[] = []
  const log = new LogOutput({
    write(bytes) {
      if (room === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      const written = bytes.subarray(0, room)
      room -= written.length
      seen.push(Buffer.from(written).toString())
      return written.length
    },
    onLost: () => {},
    onBack: () => {},
  })
  log.write('a long line\n')
  room = 100
  log.write('next\n')
  t.is(seen.join(''), 'a lo\nnext\n')
})

test('a reader that has gone is told nothing more, and nobody is told of it', (t) => {
  const { log, seen, told, fail } = output()
  fail('EPIPE')
  log.write('a\n')
  fail(undefined)
  log.write('b\n')
  t.is(seen(), '')
  t.deepEqual(told, [])
})
