import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { BenchResults } from '../../results.ts'
import { runBench } from '../run-bench.ts'

// The real runner, with dataplanes that fail in the middle.

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}-dataplane.ts`, import.meta.url))
const [crashing, failing] = [fixture('crashing'), fixture('failing')]

let run: BenchResults

test.before(async (t) => {
  t.timeout(600_000)
  run = await runBench({
    grid: {
      services: [20],
      endpoints: [2],
      dataplanes: [crashing, 'nftables', failing],
      scenarios: ['cold-start', 'endpoint-replaced'],
      repeat: 1,
      effort: 'quick',
    },
    command: 'portolan bench',
    version: '0.0.0',
    progress: { begin() {}, step() {}, failed() {}, warned() {}, end() {} },
    signal: new AbortController().signal,
  })
})

test('what was measured before a failure counts', (t) => {
  const figures = run.results.filter(({ dataplane }) => dataplane === crashing)
  t.deepEqual([...new Set(figures.map(({ scenario }) => scenario))], ['cold-start'])
  t.deepEqual(
    run.results.filter(({ dataplane }) => dataplane === failing),
    [],
  )
})

test('failures are among the results, with where and why', (t) => {
  const size = { services: 20, endpointsPerService: 2, run: 0 }
  t.like(run.failures, [
    { ...size, dataplane: crashing, scenario: 'endpoint-replaced' },
    { ...size, dataplane: failing, scenario: 'cold-start' },
  ])
  t.regex(run.failures?.[0]?.reason ?? '', /ended with SIGKILL/)
  t.regex(
    run.failures?.[1]?.reason ?? '',
    /apply failed 3 times in a row: dataplane failing: apply of IPv[46] failed: the kernel wants none of it/,
  )
})

test('a node without rules has none, also after a process that crashed and left its own', (t) => {
  const of = (dataplane: string) =>
    run.results.find((one) => one.dataplane === dataplane && one.metric === 'operations')?.p50
  t.true(of('nftables')! > 40, `${of('nftables')} operations`)
  t.is(of('nftables'), of(crashing))
})
