import { fileURLToPath } from 'node:url'
import test from 'ava'
import { metrics } from '../../metrics.ts'
import type { BenchResults, Result } from '../../results.ts'
import { type Progress, runBench } from '../run-bench.ts'
import { delayMs } from './fixtures/slow-dataplane.ts'

// The real runner, kernel and all, at a size that takes seconds.

const slow = fileURLToPath(new URL('./fixtures/slow-dataplane.ts', import.meta.url))
const absent = '@portolan-test/no-such-dataplane'
const failures: string[] = []
const progress: Progress = {
  begin() {},
  step() {},
  failed: (what, scenario, error) => failures.push(`${what} ${scenario}: ${error}`),
  warned() {},
  end() {},
}

let run: BenchResults

test.before(async (t) => {
  t.timeout(600_000)
  run = await runBench({
    grid: {
      services: [20],
      endpoints: [2],
      dataplanes: ['nftables', slow, absent],
      scenarios: [
        'cold-start',
        'endpoint-replaced',
        'service-added',
        'first-packet',
        'churn-20',
        'warm-restart',
      ],
      repeat: 1,
      effort: 'quick',
    },
    command: 'portolan bench',
    version: '0.0.0',
    progress,
    signal: new AbortController().signal,
  })
})

function result(dataplane: string, scenario: string, metric: string): Result {
  const found = run.results.find(
    (one) => one.dataplane === dataplane && one.scenario === scenario && one.metric === metric,
  )
  if (found === undefined) throw new Error(`no ${metric} of ${dataplane} in ${scenario}`)
  return found
}

test('nothing fails', (t) => {
  t.deepEqual(failures, [])
})

for (const [scenario, metric] of [
  ['endpoint-replaced', 'apply'],
  ['endpoint-replaced', 'eventToCommit'],
  ['service-added', 'eventToCommit'],
  ['service-deleted', 'eventToCommit'],
  ['churn-20', 'lag'],
  ['cold-start', 'listToCommit'],
] as const) {
  test(`a slowed dataplane is reported slower: ${scenario}, ${metric}`, (t) => {
    const measured = result(slow, scenario, metric)
    t.true(measured.p50 >= delayMs, `${measured.p50} ms`)
    const other = result('nftables', scenario, metric)
    // Of one start alone the machine may make anything.
    if (other.samples > 1) t.true(measured.p50 > other.p50, `${measured.p50} and ${other.p50} ms`)
  })
}

test('a slowed dataplane is reported slower on the data path, too', (t) => {
  const whole = result(slow, 'first-packet', 'eventToFirstPacket').p50
  const fromReceived = result(slow, 'first-packet', 'receivedToFirstPacket').p50
  t.true(fromReceived >= delayMs && fromReceived < whole, `${fromReceived} of ${whole} ms`)
})

test('the lower bound is that of the kernel writes, so the sleep is not in it', (t) => {
  const { lowerBound } = result(slow, 'endpoint-replaced', 'apply')
  t.is(lowerBound?.of, 'writes')
  t.true((lowerBound?.p50 ?? delayMs) < delayMs)
})

test('no connection is lost while a dataplane changes what they do not concern, or restarts', (t) => {
  for (const scenario of ['endpoint-replaced', 'warm-restart']) {
    const tried = result('nftables', scenario, 'connectionsTried').p50
    const lost = result('nftables', scenario, 'connectionsLost').p50
    t.true(tried > 0)
    t.is(lost, 0, `${scenario}: ${lost} of ${tried}`)
  }
})

test('what cannot be measured is listed with the reason, and the rest goes on', (t) => {
  t.deepEqual(
    run.dataplanes.map(({ name, usable }) => [name, usable]),
    [
      ['nftables', true],
      [slow, true],
      [absent, false],
    ],
  )
  t.regex(run.dataplanes[2]?.reason ?? '', /not installed.*npm install/)
})

test('every result is of a known metric and unit, with ordered quantiles and its runs', (t) => {
  t.true(run.results.length > 50)
  for (const one of run.results) {
    t.is(one.unit, metrics[one.metric].unit)
    t.true(one.p50 <= one.p90 && one.p90 <= one.p99 && one.p99 <= one.max, JSON.stringify(one))
    t.is(one.runs.length, 1)
    t.true(one.samples > 0)
    t.deepEqual([one.services, one.endpointsPerService], [20, 2])
  }
})

test('a run says on which machine it was', (t) => {
  const { machine } = run
  t.regex(machine.kernel, /^Linux \d/)
  t.truthy(machine.cpu)
  t.deepEqual([machine.versions.portolan, machine.versions.node], ['0.0.0', process.versions.node])
  t.false(Number.isNaN(Date.parse(machine.date)))
})
