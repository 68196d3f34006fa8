import test from 'ava'
import { openFileLimit, shareFiles } from '../open-files.ts'

const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31841                31841                processes
Max open files            1024                 524288               files
`
test('the limit of open files is the soft one', (t) => t.is(openFileLimit(limits), 1024))
test('no limit of open files is none', (t) =>
  t.is(openFileLimit(limits.replace('1024     ', 'unlimited')), Number.POSITIVE_INFINITY))

for (const [openFiles, healthChecks, nodePorts, relays] of [
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1000],
  [1_048_576, 522_264, 522_264, 1000],
  [1024, 192, 192, 64],
  [0, 0, 0, 2],
] as const)
  test(`of ${openFiles} open files at least half, or 2048, are left for everything else`, (t) => {
    t.deepEqual(shareFiles(openFiles), { healthChecks, nodePorts, relays })
    if (openFiles >= 8)
      t.true(healthChecks + nodePorts + 2 * relays <= Math.max(openFiles / 2, openFiles - 2048))
  })
