import {
  type BenchResults,
  type Failure,
  formatQuantity,
  type MetricName,
  type Progress,
  type Result,
  runBench,
} from '@portolan/bench'
import { type Check, type Part, partOf } from '../scorecard.ts'
import type { Tell } from './failure.ts'

/** What is measured at each size: how long a change takes, what it costs, and what it breaks. */
const scenarios = ['cold-start', 'endpoint-replaced', 'rolling-update', 'first-packet', 'warm-restart']
const endpointsPerService = 10

export interface SpeedOptions {
  /** Sizes of clusters, in Services. */
  readonly services: readonly number[]
  /** Milliseconds that any one call of the dataplane may take. Absent: as in `portolan run`. */
  readonly measuredCallMs?: number
  /** How a person would type it, and Portolan's version. */
  readonly command: string
  readonly version: string
}

export interface Measured {
  readonly part: Part
  readonly figures: BenchResults
}

/** Measures as `portolan bench` does. There is no right or wrong figure: what fails is what can't be measured. */
export async function evaluateSpeed(dataplane: string, options: SpeedOptions, tell: Tell): Promise<Measured> {
  const begun = performance.now()
  const run = (services: readonly number[], names: readonly string[]) =>
    runBench({
      grid: {
        services,
        endpoints: [endpointsPerService],
        dataplanes: [dataplane],
        scenarios: names,
        repeat: 1,
        effort: 'quick',
      },
      ...(options.measuredCallMs === undefined ? {} : { callMs: options.measuredCallMs }),
      command: options.command,
      version: options.version,
      progress: progress(tell),
      signal: new AbortController().signal,
    })
  const sizes = await run(options.services, scenarios)
  // Memory over churn, in the middle size alone: it takes as long in each.
  const middle = options.services[Math.floor((options.services.length - 1) / 2)] ?? 1000
  const churned = await run([middle], ['soak'])
  const figures = {
    ...sizes,
    results: [...sizes.results, ...churned.results.filter(({ scenario }) => scenario === 'soak')],
    failures: [...(sizes.failures ?? []), ...(churned.failures ?? [])],
  }
  const checks = [...figures.dataplanes.flatMap(unusable), ...speedChecks(figures), ...failureChecks(figures)]
  return { part: partOf('speed', checks, begun), figures }
}

function unusable({ usable, reason }: BenchResults['dataplanes'][number]): Check[] {
  return usable ? [] : [{ name: 'it runs on a virtual node', outcome: 'failed', detail: reason }]
}

const told: readonly (readonly [name: string, scenario: string, metric: MetricName])[] = [
  ['one endpoint replaced, from the event to the kernel', 'endpoint-replaced', 'eventToCommit'],
  ['an endpoint replaced, until the first packet', 'first-packet', 'eventToFirstPacket'],
  ['a cold start, from the list to the kernel', 'cold-start', 'listToCommit'],
  ['CPU of a cold start', 'cold-start', 'listToCommitCpu'],
  ['memory over churn, resident', 'soak', 'rssAfterWarmUp'],
  ['memory over churn, growth', 'soak', 'rssGrowth'],
]

function speedChecks({ results }: BenchResults): Check[] {
  return told.flatMap(([name, scenario, metric]) =>
    results
      .filter((one) => one.scenario === scenario && one.metric === metric)
      .map((one) => ({
        name: `${name}, ${one.services} Services`,
        outcome: 'passed' as const,
        detail: figure(one),
      })),
  )
}

function figure({ p50, p99, unit, samples, lowerBound }: Result): string {
  const bound = lowerBound === undefined ? '' : ` (lower bound ${formatQuantity(lowerBound.p50, unit)})`
  const tail = samples > 1 ? `, p99 ${formatQuantity(p99, unit)}` : ''
  return `${formatQuantity(p50, unit)}${bound}${tail}`
}

/** A lower bound that can't be taken says nothing of the dataplane. */
function failureChecks({ failures = [] }: BenchResults): Check[] {
  return failures.map(({ scenario, services, reason }: Failure) => ({
    name: `${scenario || 'the start'}, ${services} Services`,
    outcome: scenario === 'lower-bound' ? ('unproved' as const) : ('failed' as const),
    detail: reason,
  }))
}

function progress(tell: Tell): Progress {
  return {
    begin() {},
    step: (what, scenario) => tell(`${what.replace(/^.*, /, '')}: ${scenario}`),
    failed: (what, scenario, error) => tell(`${what}: ${scenario} failed: ${String(error)}`),
    warned: tell,
    end() {},
  }
}
