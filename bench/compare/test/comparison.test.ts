import test from 'ava'
import fc from 'fast-check'
import { type MetricName, metrics } from '../../metrics.ts'
import type { BenchResults, Result } from '../../results.ts'
import { compareResults, isRefused, isRegression, type Verdict } from '../comparison.ts'
import { printComparison } from '../comparison-table.ts'

interface Case {
  readonly says: string
  readonly metric?: MetricName
  readonly scenario?: string
  readonly a: readonly number[]
  readonly b: readonly number[]
  readonly verdict: Verdict
}

/** Of one figure alone, with a threshold of 10 %. */
const cases: readonly Case[] = [
  { says: 'the same runs are the same', a: [10, 11, 12], b: [10, 11, 12], verdict: 'same' },
  { says: 'twice as slow is worse', a: [10, 11, 12], b: [20, 22, 24], verdict: 'worse' },
  { says: 'twice as fast is better', a: [20, 22, 24], b: [10, 11, 12], verdict: 'better' },
  {
    says: 'a sure change below the threshold is none',
    a: [100, 100.1, 99.9],
    b: [105, 105.1, 104.9],
    verdict: 'same',
  },
  { says: 'what the spread may explain is unsure', a: [10, 20, 15], b: [14, 26, 22], verdict: 'unsure' },
  { says: 'one run each, a little slower, has no verdict', a: [10], b: [12], verdict: 'refused' },
  { says: 'one run each, three times as slow, has no verdict either', a: [10], b: [30], verdict: 'refused' },
  { says: 'two runs of one side are too few', a: [10, 10.1, 9.9], b: [30, 31], verdict: 'refused' },
  {
    says: 'more changes a second are better',
    metric: 'changesPerSecond',
    a: [500, 510, 505],
    b: [900, 910, 905],
    verdict: 'better',
  },
  {
    says: 'fewer changes a second are worse',
    metric: 'changesPerSecond',
    a: [900, 910, 905],
    b: [500, 510, 505],
    verdict: 'worse',
  },
  {
    says: 'one operation more at every run is worse',
    metric: 'operations',
    a: [4, 4, 4],
    b: [5, 5, 5],
    verdict: 'worse',
  },
  {
    says: 'one operation more in a single run has no verdict',
    metric: 'operations',
    a: [4],
    b: [5],
    verdict: 'refused',
  },
  {
    says: 'no loss in both is the same',
    metric: 'connectionsLost',
    a: [0, 0, 0],
    b: [0, 0, 0],
    verdict: 'same',
  },
  {
    says: 'loss where there was none is worse',
    metric: 'connectionsLost',
    a: [0, 0, 0],
    b: [8, 9, 7],
    verdict: 'worse',
  },
  {
    says: 'a single lost packet may be chance',
    metric: 'connectionsLost',
    a: [0, 0, 0],
    b: [0, 1, 0],
    verdict: 'unsure',
  },
  {
    says: 'a lag that grows by microseconds does not grow',
    metric: 'lagGrowth',
    a: [0.01, -0.02, 0.01],
    b: [0.3, 0.31, 0.3],
    verdict: 'same',
  },
  {
    says: 'a lag that grows is worse',
    metric: 'lagGrowth',
    a: [0.01, -0.02, 0.01],
    b: [300, 310, 320],
    verdict: 'worse',
  },
  {
    says: 'no direction is good of what only tells',
    metric: 'connectNone',
    a: [10, 10, 10],
    b: [20, 20, 20],
    verdict: 'changed',
  },
  {
    says: 'a figure that comes from 0 has a verdict too',
    metric: 'kernelMemory',
    a: [0, 0, 0],
    b: [1e8, 1.1e8, 0.9e8],
    verdict: 'worse',
  },
  {
    says: 'kilobytes of the whole machine are noise, however often they were more',
    metric: 'kernelMemory',
    a: [300_000, 310_000, 290_000],
    b: [900_000, 910_000, 890_000],
    verdict: 'same',
  },
  {
    says: 'how many changes an apply has in a churn is chance',
    metric: 'operations',
    scenario: 'churn-2000',
    a: [24, 40, 30],
    b: [36, 48, 28],
    verdict: 'unsure',
  },
  {
    says: 'bytes of such an apply, too',
    metric: 'bytesToKernel',
    scenario: 'replay',
    a: [576, 960, 720],
    b: [864, 1152, 672],
    verdict: 'unsure',
  },
  {
    says: 'a hundredth of a second of tools is the least that can be counted',
    metric: 'childCpu',
    a: [10, 10, 10],
    b: [0, 0, 0],
    verdict: 'same',
  },
  {
    says: 'the parts of CPU time vary more than their sum',
    metric: 'cpuSystem',
    a: [7.4, 15.1, 3.2],
    b: [22.9, 6.8, 17.7],
    verdict: 'unsure',
  },
  {
    says: 'how many connections were tried is a matter of time',
    metric: 'connectionsTried',
    a: [300, 420, 250],
    b: [360, 510, 280],
    verdict: 'unsure',
  },
]

for (const { says, metric = 'eventToCommit', scenario = 'endpoint-replaced', a, b, verdict } of cases) {
  test(says, (t) => {
    const comparison = compareResults(
      run([result({ metric, scenario, runs: a })]),
      run([result({ metric, scenario, runs: b })]),
      {
        threshold: 0.1,
      },
    )
    t.is(comparison.rows[0]?.verdict, verdict)
    t.is(isRegression(comparison), verdict === 'worse')
  })
}

test('figures are paired by dataplane, scenario, size and metric; the rest is named', (t) => {
  const a = run([result({}), result({ services: 1000 }), result({ dataplane: 'ebpf' })])
  const b = run([result({ dataplane: 'ebpf' }), result({}), result({ endpointsPerService: 250 })])
  const { rows, onlyInA, onlyInB } = compareResults(a, b, { threshold: 0.1 })
  t.deepEqual(
    rows.map(({ dataplane }) => dataplane),
    ['nftables', 'ebpf'],
  )
  t.deepEqual(
    onlyInA.map(({ services }) => services),
    [1000],
  )
  t.deepEqual(
    onlyInB.map(({ endpointsPerService }) => endpointsPerService),
    [250],
  )
})

test('a figure that B lacks because it failed there is a regression, one that it was not asked for is none', (t) => {
  const size = { services: 100, endpointsPerService: 10 }
  const failure = { dataplane: 'ebpf', ...size, run: 0, scenario: 'connect', reason: 'it crashed' }
  const a = run([result({}), result({ dataplane: 'ebpf' }), result({ dataplane: 'ipvs' })])
  const b = { ...run([result({})]), failures: [failure] }
  const comparison = compareResults(a, b, { threshold: 0.1 })
  const names = (keys: readonly { dataplane: string }[]) => keys.map(({ dataplane }) => dataplane)
  t.deepEqual([names(comparison.lost), names(comparison.onlyInA)], [['ebpf'], ['ipvs']])
  t.true(isRegression(comparison))
  t.regex(
    printComparison(comparison, { width: 200, all: false }),
    /^B: ebpf, 100 x 10, failed in connect \(run 1\): it crashed\n\nFAILED in B, and so only in A: 1 figure /m,
  )
  t.false(isRegression(compareResults(a, run([result({})]), { threshold: 0.1 })))
  t.false(isRegression(compareResults(b, b, { threshold: 0.1 })))
})

test('other machines and moved lower bounds are told', (t) => {
  const lowerBound = (p50: number) => ({ lowerBound: { p50, p99: p50, samples: 9, of: 'writes' as const } })
  const a = run([{ ...result({}), ...lowerBound(1) }])
  const b = run([{ ...result({}), ...lowerBound(1.4) }])
  const other = {
    ...b,
    machine: { ...b.machine, kernel: 'Linux 6.1', versions: { portolan: '2', nft: '1.1' } },
  }
  const { warnings } = compareResults(a, other, { threshold: 0.1 })
  t.deepEqual(warnings.slice(0, 2), [
    'the kernel differs: Linux 6.18 in A, Linux 6.1 in B',
    'the version of nft differs: 1.0.6 in A, 1.1 in B',
  ])
  t.regex(warnings[2] ?? '', /^the lower bounds moved too, by 1\.40 in the median: .* slower in B/)
  t.is(warnings.length, 3)
})

const runsOf = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 3, maxLength: 6 })
const pairs = fc.array(fc.tuple(runsOf, runsOf), { minLength: 1, maxLength: 30 })

test('a run compared with itself is the same in everything', (t) => {
  fc.assert(
    fc.property(pairs, (list) => {
      const a = run(list.map(([runs], services) => result({ services, runs })))
      const { rows, warnings } = compareResults(a, a, { threshold: 0 })
      return warnings.length === 0 && rows.every(({ verdict, ratio }) => verdict === 'same' && ratio === 1)
    }),
  )
  t.pass()
})

test('B against A is the mirror of A against B', (t) => {
  const mirrored: Readonly<Record<string, string>> = { worse: 'better', better: 'worse' }
  fc.assert(
    fc.property(pairs, (list) => {
      const [a, b] = [0, 1].map((side) =>
        run(list.map((pair, services) => result({ services, runs: pair[side]! }))),
      )
      const there = compareResults(a!, b!, { threshold: 0.1 }).rows
      const back = compareResults(b!, a!, { threshold: 0.1 }).rows
      return there.every(({ verdict, ratio, interval }, at) => {
        const other = back[at]!
        return (
          other.verdict === (mirrored[verdict] ?? verdict) &&
          near(other.ratio!, 1 / ratio!) &&
          near(other.interval!.low, 1 / interval!.high)
        )
      })
    }),
  )
  t.pass()
})

test('an interval holds its ratio, and excludes 1 where a change is sure', (t) => {
  fc.assert(
    fc.property(pairs, (list) => {
      const [a, b] = [0, 1].map((side) =>
        run(list.map((pair, services) => result({ services, runs: pair[side]! }))),
      )
      const { rows } = compareResults(a!, b!, { threshold: 0.1 })
      return rows.every(({ ratio, interval, verdict }) => {
        const { low, high } = interval!
        const excludes = low > 1 || high < 1
        const sure = verdict === 'worse' || verdict === 'better'
        return ratio! >= low * (1 - 1e-9) && ratio! <= high * (1 + 1e-9) && (!sure || excludes)
      })
    }),
  )
  t.pass()
})

test('the unit in which both are measured does not matter', (t) => {
  fc.assert(
    fc.property(pairs, fc.double({ min: 0.01, max: 100, noNaN: true }), (list, factor) => {
      const verdicts = [1, factor].map((by) => {
        const [a, b] = [0, 1].map((side) =>
          run(
            list.map((pair, services) => result({ services, runs: pair[side]!.map((value) => value * by) })),
          ),
        )
        return compareResults(a!, b!, { threshold: 0.1 }).rows.map(({ ratio }) => ratio!)
      })
      return verdicts[0]!.every((ratio, at) => near(ratio, verdicts[1]![at]!))
    }),
  )
  t.pass()
})

test('two benchmarks of the same thing are told apart in fewer than 1 of 20 comparisons', (t) => {
  const random = seeded(20261121)
  let alarms = 0
  const trials = 400
  for (let trial = 0; trial < trials; trial++) {
    const once = () =>
      run(
        Array.from({ length: 100 }, (_, services) =>
          result({ services, runs: [1, 2, 3, 4].map(() => Math.exp(0.3 * gauss(random))) }),
        ),
      )
    const { rows } = compareResults(once(), once(), { threshold: 0 })
    if (rows.some(({ verdict }) => verdict === 'worse' || verdict === 'better')) alarms++
  }
  t.true(alarms <= trials / 20, `${alarms} of ${trials}`)
})

test('a dataplane that became 1.5 times slower is found with three runs of a few percent spread', (t) => {
  const random = seeded(7)
  const runs = (by: number) => [1, 2, 3].map(() => by * Math.exp(0.04 * gauss(random)))
  const list = (by: number) =>
    Array.from({ length: 60 }, (_, services) => result({ services, runs: runs(services < 20 ? by : 1) }))
  const { rows } = compareResults(run(list(1)), run(list(1.5)), { threshold: 0.1 })
  const found = rows.filter(({ verdict }) => verdict === 'worse')
  t.true(found.length >= 18, `${found.length} of 20`)
  t.deepEqual(
    found.filter(({ services }) => services >= 20),
    [],
  )
})

test('without enough runs there is a ratio and neither an interval nor a verdict, whatever the ratio', (t) => {
  const few = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 2 })
  fc.assert(
    fc.property(few, runsOf, fc.boolean(), (some, enough, swapped) => {
      const [a, b] = swapped ? [enough, some] : [some, enough]
      const comparison = compareResults(run([result({ runs: a })]), run([result({ runs: b })]), {
        threshold: 0,
      })
      const [row] = comparison.rows
      return (
        row?.verdict === 'refused' &&
        row.interval === undefined &&
        row.ratio! > 0 &&
        isRefused(comparison) &&
        !isRegression(comparison)
      )
    }),
  )
  t.pass()
})

test('what is without a verdict is told with the runs that it needs, and those that have enough are judged', (t) => {
  const [a, b] = [
    run([result({ runs: [1] }), result({ services: 7 })]),
    run([result({}), result({ services: 7 })]),
  ]
  const comparison = compareResults(a, b, { threshold: 0.1 })
  t.false(isRefused(comparison))
  t.regex(
    printComparison(comparison, { width: 400, all: true }),
    /no verdict\n[\s\S]*2 figures compared: .* 1 within\. 1 figure without a verdict: it needs 3 runs of each side, and A has 1, B 3\. Measure both with --repeat 3 or more\./,
  )
})

function near(x: number, y: number): boolean {
  // Both may have overflowed: an interval of two wildly different runs.
  return x === y || Math.abs(x - y) <= 1e-6 * Math.max(Math.abs(x), Math.abs(y)) || Math.min(x, y) < 1e-300
}

function result({ metric = 'eventToCommit', runs = [1, 1, 1], ...other }: Partial<Result>): Result {
  const sorted = runs.toSorted((x, y) => x - y)
  const p50 = sorted[Math.floor(sorted.length / 2)] ?? 0
  const figures = { p50, p90: p50, p99: p50, max: p50, samples: 100, runs }
  const where = {
    dataplane: 'nftables',
    scenario: 'endpoint-replaced',
    services: 100,
    endpointsPerService: 10,
  }
  return { ...where, metric, unit: metrics[metric].unit, ...figures, ...other }
}

function run(results: readonly Result[]): BenchResults {
  const versions = { portolan: '1', nft: '1.0.6' }
  const size = { cores: 2, memoryBytes: 8e9, architecture: 'x64', date: '2026-11-21T00:00:00Z' }
  const machine = { kernel: 'Linux 6.18', cpu: 'EPYC', versions, ...size }
  return { schemaVersion: 1, command: 'portolan bench', machine, dataplanes: [], results }
}

/** A small generator of numbers from 0 to 1, so that a failure can be repeated (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Normally distributed (Box and Muller). */
function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
