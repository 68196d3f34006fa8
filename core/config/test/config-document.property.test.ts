import test from 'ava'
import fc from 'fast-check'
import { fields, files } from './config.fuzz.ts'

test('a damaged file is read, or refused by an error that says what is wrong', (t) => {
  fc.assert(files, { numRuns: 300 })
  t.pass()
})

test('any value at any field is read, or refused by an error that says what is wrong', (t) => {
  fc.assert(fields, { numRuns: 300 })
  t.pass()
})
