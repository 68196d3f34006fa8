import test from 'ava'
import { contentEncoding } from '../connection.ts'

const codings: readonly (readonly [string | undefined, string])[] = [
  [undefined, ''],
  [' GZIP ', 'gzip'],
  ['x-gzip', 'gzip'],
  ['identity', 'identity'],
]
for (const [header, coding] of codings) {
  test(`Content-Encoding ${header ?? 'that is absent'} is ${coding || 'none'}`, (t) => {
    t.is(contentEncoding(header), coding)
  })
}
