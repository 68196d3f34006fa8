import test from 'ava'
import { Recorder } from '../recorder.ts'

const about = { dataplane: 'nftables', services: 10, endpointsPerService: 2 }

test('quantiles are of all runs together, and each run has its median', (t) => {
  const recorder = new Recorder()
  recorder.add(about, 'churn-20', 'lag', [1, 2, 3])
  recorder.startRun(1)
  recorder.add(about, 'churn-20', 'lag', [5, 6, 7])
  recorder.add(about, 'churn-20', 'lag', 8)
  t.deepEqual(recorder.results(), [
    {
      ...about,
      scenario: 'churn-20',
      metric: 'lag',
      unit: 'ms',
      p50: 5,
      p90: 8,
      p99: 8,
      max: 8,
      samples: 7,
      runs: [2, 6],
    },
  ])
})

test('a lower bound belongs to a figure that was measured, and no other', (t) => {
  const recorder = new Recorder()
  recorder.add(about, 'port-changed', 'apply', [4])
  recorder.addLowerBound(about, 'port-changed', 'apply', 'writes', [1, 2])
  recorder.addLowerBound(about, 'port-changed', 'eventToCommit', 'writes', [1])
  const results = recorder.results()
  t.is(results.length, 1)
  t.deepEqual(results[0]?.lowerBound, { p50: 1, p99: 2, samples: 2, of: 'writes' })
})

test('a run that measured nothing of a metric leaves no hole', (t) => {
  const recorder = new Recorder()
  recorder.startRun(2)
  recorder.add(about, 'port-changed', 'apply', [4])
  t.deepEqual(recorder.results()[0]?.runs, [4])
})
