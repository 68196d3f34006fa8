import test from 'ava'
import { parseResults, ResultsError } from '../read-results.ts'

const good = {
  ...{ dataplane: 'nftables', scenario: 'endpoint-replaced', services: 100, endpointsPerService: 10 },
  ...{ metric: 'eventToCommit', unit: 'ms', p50: 1, p90: 2, p99: 3, max: 4, samples: 9, runs: [1] },
}
const file = (results: unknown) => ({ schemaVersion: 1, command: 'c', machine: {}, dataplanes: [], results })

const refused: readonly (readonly [says: string, text: string, message: RegExp])[] = [
  ['text that is no JSON', '{', /^f\.json: not JSON: /],
  ['a list', '[]', /^f\.json: not an object$/],
  ['a newer schema', JSON.stringify({ schemaVersion: 2 }), /^f\.json: schemaVersion 2: must be 1$/],
  ['a file without a schema', '{}', /^f\.json: schemaVersion missing: must be 1$/],
  ['a file without results', JSON.stringify(file(undefined)), /^f\.json: results: must be a list$/],
]

for (const [says, text, message] of refused) {
  test(`${says} is refused with exit code 2`, (t) => {
    const error = t.throws(() => parseResults(text, 'f.json'), { instanceOf: ResultsError, message })
    t.is(error?.exitCode, 2)
    t.truthy(error?.fix)
  })
}

const leftOut: readonly (readonly [says: string, entry: unknown, problem: string])[] = [
  ['a number', 7, '7: must be an object'],
  ['a result without a dataplane', { ...good, dataplane: undefined }, 'dataplane missing: must be a text'],
  ['a metric of another version', { ...good, metric: 'speed' }, 'metric "speed": unknown to this version'],
  [
    'a metric that is a word of the language',
    { ...good, metric: 'toString' },
    'metric "toString": unknown to this version',
  ],
  [
    "a unit that is not its metric's",
    { ...good, unit: 'bytes' },
    'unit "bytes": of eventToCommit it must be "ms"',
  ],
  ['a text for a number', { ...good, p99: '3' }, 'p99 "3": must be a number'],
  ['no runs', { ...good, runs: [] }, 'runs []: must be a list of at least one number'],
  ['a lower bound of nothing', { ...good, lowerBound: {} }, 'lowerBound {}: needs p50 and p99'],
]

for (const [says, entry, problem] of leftOut) {
  test(`${says} is left out and told, the rest is kept`, (t) => {
    const { results, problems } = parseResults(JSON.stringify(file([entry, good])), 'f.json')
    t.deepEqual(problems, [`f.json: results[0] (left out): ${problem}`])
    t.is(results.results.length, 1)
  })
}

test('failures are read, and a file from before there were any has none', (t) => {
  const failure = { dataplane: 'ebpf', services: 10, endpointsPerService: 2, run: 1, scenario: 'connect' }
  const read = (failures: unknown) => parseResults(JSON.stringify({ ...file([]), failures }), 'f.json')
  t.deepEqual(read(undefined).results.failures, [])
  t.deepEqual(read([{ ...failure, reason: 'no' }]).results.failures, [{ ...failure, reason: 'no' }])
  const { results, problems } = read([{ ...failure, services: 'ten' }, 7])
  t.deepEqual(results.failures, [])
  t.regex(
    problems.join('\n'),
    /^f\.json: failures\[0\] \(left out\): .*\n.*failures\[1\] \(left out\): 7: is none$/,
  )
})

test('a figure that is there twice counts once', (t) => {
  const { results, problems } = parseResults(JSON.stringify(file([good, { ...good, p50: 9 }])), 'f.json')
  t.is(results.results[0]?.p50, 1)
  t.regex(problems[0] ?? '', /is there twice; the first one counts$/)
})
