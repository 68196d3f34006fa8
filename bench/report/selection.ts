import type { MetricName } from '../metrics.ts'
import type { BenchResults, Candidate, Result } from '../results.ts'

export type Quantile = 'p50' | 'p99'

/** One candidate's figures along an axis. */
export interface Curve {
  readonly candidate: string
  readonly points: readonly Point[]
  /** The same points' lower bounds, where they were measured. */
  readonly lowerBound: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Wanted {
  readonly scenario: string
  readonly metric: MetricName
  readonly quantile: Quantile
}

/** What a plot draws: every choice of which results belong together is made here. */
export class Selection {
  readonly candidates: readonly Candidate[]
  readonly all: readonly Result[]

  constructor({ dataplanes, results }: BenchResults) {
    this.candidates = dataplanes
    this.all = results
  }

  /** Of one scenario and metric, or all. */
  where(scenario: string, metric?: MetricName): Result[] {
    return this.all.filter((r) => r.scenario === scenario && (metric === undefined || r.metric === metric))
  }

  find(candidate: string, scenario: string, metric: MetricName, size: Size): Result | undefined {
    return this.all.find(
      (r) =>
        r.dataplane === candidate &&
        r.scenario === scenario &&
        r.metric === metric &&
        r.services === size.services &&
        r.endpointsPerService === size.endpointsPerService,
    )
  }

  /** The number of endpoints per Service that most of a scenario's results have: a curve holds it fixed. */
  usualEndpoints(scenario: string): number {
    const counts = Map.groupBy(this.where(scenario), (r) => r.endpointsPerService)
    return [...counts].sort((a, b) => b[1].length - a[1].length || a[0] - b[0])[0]?.[0] ?? 1
  }

  /** The largest size of a scenario at its usual number of endpoints; undefined when it has no results. */
  largestSize(scenario: string): Size | undefined {
    const endpointsPerService = this.usualEndpoints(scenario)
    const of = this.where(scenario).filter((r) => r.endpointsPerService === endpointsPerService)
    if (of.length === 0) return undefined
    return { services: Math.max(...of.map((r) => r.services)), endpointsPerService }
  }

  /** The largest of those sizes at which most candidates were measured: some are only measured at small ones. */
  sharedSize(scenario: string): Size | undefined {
    const endpointsPerService = this.usualEndpoints(scenario)
    const of = this.where(scenario).filter((r) => r.endpointsPerService === endpointsPerService)
    const bySize = [...Map.groupBy(of, (r) => r.services)].map(([services, results]) => ({
      services,
      candidates: new Set(results.map(({ dataplane }) => dataplane)).size,
    }))
    const [best] = bySize.sort((a, b) => b.candidates - a.candidates || b.services - a.services)
    return best === undefined ? undefined : { services: best.services, endpointsPerService }
  }

  /** Against the number of Services. */
  byServices(wanted: Wanted): Curve[] {
    const endpoints = this.usualEndpoints(wanted.scenario)
    return this.curves(wanted, (r) => (r.endpointsPerService === endpoints ? r.services : undefined))
  }

  /** Against endpoints per Service, at the number of Services for which most of them were measured. */
  byEndpoints(wanted: Wanted, services: number): Curve[] {
    return this.curves(wanted, (r) => (r.services === services ? r.endpointsPerService : undefined))
  }

  private curves(wanted: Wanted, place: (result: Result) => number | undefined): Curve[] {
    const { scenario, metric, quantile } = wanted
    const of = this.where(scenario, metric)
    return this.candidates.flatMap(({ name }) => {
      const placed = of
        .filter((r) => r.dataplane === name)
        .flatMap((result) => {
          const x = place(result)
          return x === undefined ? [] : [{ x, result }]
        })
        .sort((a, b) => a.x - b.x)
      if (placed.length === 0) return []
      const points = placed.map(({ x, result }) => ({ x, y: result[quantile] }))
      const lowerBound = placed.flatMap(({ x, result }) =>
        result.lowerBound === undefined ? [] : [{ x, y: result.lowerBound[quantile] }],
      )
      return [{ candidate: name, points, lowerBound }]
    })
  }
}

export interface Size {
  readonly services: number
  readonly endpointsPerService: number
}
