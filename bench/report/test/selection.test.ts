import test from 'ava'
import type { Candidate, Result } from '../../results.ts'
import { Selection } from '../selection.ts'

const sizes: readonly (readonly [dataplane: string, services: number, endpoints: number])[] = [
  ['nftables', 100, 10],
  ['nftables', 1000, 10],
  ['nftables', 5000, 10],
  ['nftables', 1000, 250],
  ['upstream', 1000, 10],
  ['upstream', 100, 10],
  ['upstream', 1000, 250],
]
const selection = new Selection({
  ...{
    schemaVersion: 1,
    command: 'portolan bench',
    dataplanes: [candidate('nftables'), candidate('upstream')],
  },
  machine: { kernel: '', cpu: '', architecture: '', cores: 1, memoryBytes: 0, versions: {}, date: '' },
  results: sizes.map(([dataplane, services, endpoints]) => result(dataplane, services, endpoints)),
})

test('a curve holds the number of endpoints that most results have, and goes up in size', (t) => {
  const curves = selection.byServices({ scenario: 'cold-start', metric: 'listToCommit', quantile: 'p50' })
  t.deepEqual(
    curves.map(({ candidate: name, points }) => [name, points.map(({ x }) => x)]),
    [
      ['nftables', [100, 1000, 5000]],
      ['upstream', [100, 1000]],
    ],
  )
})

test('a curve of endpoints holds the number of Services', (t) => {
  const wanted = { scenario: 'cold-start', metric: 'listToCommit', quantile: 'p99' } as const
  t.deepEqual(
    selection.byEndpoints(wanted, 1000).map(({ points }) => points.map(({ x }) => x)),
    [
      [10, 250],
      [10, 250],
    ],
  )
})

test('the largest size is one thing, the largest that all have another', (t) => {
  t.is(selection.largestSize('cold-start')?.services, 5000)
  t.is(selection.sharedSize('cold-start')?.services, 1000)
  t.is(selection.sharedSize('connect'), undefined)
})

function candidate(name: string): Candidate {
  return { name, kind: 'dataplane', usable: true, reason: '' }
}

function result(dataplane: string, services: number, endpointsPerService: number): Result {
  const figures = { p50: 1, p90: 2, p99: 3, max: 4, samples: 1, runs: [1] }
  return {
    dataplane,
    scenario: 'cold-start',
    services,
    endpointsPerService,
    metric: 'listToCommit',
    unit: 'ms',
    ...figures,
  }
}
