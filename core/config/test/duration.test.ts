import test from 'ava'
import { formatDuration, parseDuration } from '../duration.ts'

/** As `time.ParseDuration` of Go 1.26 reads them. */
const valid = new Map([
  ['0', 0],
  ['+0', 0],
  ['0s', 0],
  ['1s', 1000],
  ['+5s', 5000],
  ['.5s', 500],
  ['1.s', 1000],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['1h.5m', 3_630_000],
  ['250ms', 250],
  ['3us', 0.003],
  ['3µs', 0.003],
  ['3μs', 0.003],
  ['7ns', 7e-6],
])
const invalid = [
  '',
  '1',
  '+',
  '.',
  '.s',
  '+.s',
  '1..s',
  's',
  '1 s',
  ' 1s',
  '1S',
  '1d',
  '1s1',
  '++1s',
  '1s+1s',
  '1e3s',
]

for (const [text, milliseconds] of valid)
  test(`${text} is a duration`, (t) => {
    t.is(parseDuration(text), milliseconds)
  })

for (const text of [...invalid, '-1s', '1s'.repeat(40)])
  test(`'${text}' is no duration`, (t) => {
    t.is(parseDuration(text), undefined)
  })

test('what is printed is read back', (t) => {
  for (const milliseconds of [0, 0.5, 1, 250, 1000, 1500, 90_000, 3_600_000, 86_400_000, 90_061_001])
    t.is(parseDuration(formatDuration(milliseconds)), milliseconds)
})
