import test from 'ava'
import { TapResults } from './tap-results.ts'

const claims: readonly {
  claim: string
  lines: readonly string[]
  closes: readonly string[]
  prints?: readonly string[]
}[] = [
  {
    claim: 'a declared gap is counted apart, and the last line leaves it out',
    lines: ['ok 1 - IPv4 TCP: a claim', 'ok 2 - IPv4 UDP: a claim (declared gap)'],
    closes: ['1 passed (1 declared gaps), 0 failed, 0 skipped', '1 passed, 0 failed, 0 skipped'],
  },
  {
    claim: 'a gap that fails is a failure',
    lines: ['not ok 1 - IPv4 UDP: a claim (declared gap)'],
    closes: [
      '✘ IPv4 UDP: a claim (declared gap)',
      '0 passed (0 declared gaps), 1 failed, 0 skipped',
      '0 passed, 1 failed, 0 skipped',
    ],
    prints: ['', '✘ IPv4 UDP: a claim (declared gap)'],
  },
  {
    claim: 'skipped tests are no passed ones',
    lines: ['ok 1 - a claim # SKIP', 'ok 2 - another # TODO', 'not ok 3 - as ava tells it # TODO'],
    closes: ['0 passed (0 declared gaps), 0 failed, 3 skipped', '0 passed, 0 failed, 3 skipped'],
  },
  {
    claim: 'details of a failure and what a test logs are printed, all else is not',
    lines: [
      'TAP version 13',
      'not ok 1 - wrong',
      '  ---',
      '    ok 7 - is no result here',
      '  ...',
      'ok 2 - right',
      '#   12 sequences',
      '1..2',
      '# pass 1',
    ],
    closes: [
      '✘ wrong',
      '    ok 7 - is no result here',
      '1 passed (0 declared gaps), 1 failed, 0 skipped',
      '1 passed, 1 failed, 0 skipped',
    ],
    prints: ['', '✘ wrong', '    ok 7 - is no result here', '12 sequences'],
  },
]

for (const { claim, lines, closes, prints = [] } of claims) {
  test(claim, (t) => {
    const printed: string[] = []
    const results = new TapResults((line) => printed.push(line))
    for (const line of lines) results.read(line)
    t.deepEqual(results.closingLines(), ['', ...closes])
    t.deepEqual(printed, prints)
  })
}

test('a file that ended by itself is told with what it wrote of itself', (t) => {
  const results = new TapResults(() => {})
  results.read('not ok 1 - core/a.test.ts exited with a non-zero exit code: 1')
  results.readError('core/b.test.ts still runs')
  results.readError('core/a.test.ts still runs 30 s after its last test; it holds: Timeout')
  results.readError('something else')
  t.deepEqual(results.closingLines().slice(0, 3), [
    '',
    '✘ core/a.test.ts exited with a non-zero exit code: 1',
    '  core/a.test.ts still runs 30 s after its last test; it holds: Timeout',
  ])
})

test('of a failure with a long story the beginning is told again', (t) => {
  const results = new TapResults(() => {})
  for (const line of [
    'not ok 1 - wrong',
    '  ---',
    ...Array.from({ length: 99 }, (_, i) => `    ${i}`),
    '  ...',
  ])
    results.read(line)
  t.is(results.closingLines().length, 1 + 1 + 20 + 2)
})

test('the last line is the plain form that continuous integration reads', (t) => {
  const results = new TapResults(() => {})
  results.fail('ava ended with status 1 although no test failed')
  t.regex(results.closingLines().at(-1) ?? '', /^\d+ passed, \d+ failed, \d+ skipped$/)
})

test('tests against the real API server are counted where they ran', (t) => {
  const results = new TapResults(() => {})
  results.read('ok 1 - a-file › real API server: a claim')
  results.read('not ok 2 - a-file › real API server: another')
  results.read('ok 3 - a-file › real API server: none, because of Go # SKIP')
  results.read('ok 4 - a-file › embedded API server: a claim')
  t.is(results.againstRealApiServer, 2)
})
