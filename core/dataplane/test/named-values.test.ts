import test from 'ava'
import { namedValuesLines, namedValuesProgram } from '../named-values.ts'

const about = { family: 'IPv4', degraded: [] } as const

test('a program of named values removes what is wanted no more, and sets what is new or other', (t) => {
  const before = new Map([
    ['stays', 'a'],
    ['changes', 'a'],
    ['goes', ''],
  ])
  const after = new Map([
    ['stays', 'a'],
    ['changes', 'b'],
    ['comes', ''],
  ])
  const program = namedValuesProgram(before, after, about)
  t.deepEqual(namedValuesLines(program), ['remove goes', 'set changes = b', 'set comes'])
  t.is(program.operations, 3)
})

test('where nothing differs there is nothing to do', (t) => {
  const values = new Map([['one', 'a']])
  const program = namedValuesProgram(values, new Map(values), about)
  t.is(program.operations, 0)
  t.deepEqual(namedValuesLines(program), [])
})
