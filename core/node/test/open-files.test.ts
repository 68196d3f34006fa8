import test from 'ava'
import { openFileLimit } from '../open-files.ts'

const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31841                31841                processes
Max open files            1024                 524288               files
`
test('the limit of open files is the soft one', (t) => t.is(openFileLimit(limits), 1024))
test('no limit of open files is none', (t) =>
  t.is(openFileLimit(limits.replace('1024     ', 'unlimited')), Number.POSITIVE_INFINITY))
