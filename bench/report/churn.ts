import { formatQuantity } from './quantity.ts'
import type { Curve, Quantile, Selection, Size } from './selection.ts'

/** The churn scenarios of a run, by their rate. */
export interface ChurnLag {
  readonly scenarios: readonly string[]
  readonly size: Size
  readonly curves: (quantile: Quantile) => Curve[]
}

const ratePattern = /^churn-(\d+)$/

/** The largest size at which churn was measured; undefined where it wasn't. */
export function churnLag(selection: Selection): ChurnLag | undefined {
  const names = [...new Set(selection.all.map(({ scenario }) => scenario))]
  const rates = names
    .flatMap((scenario) => {
      const rate = Number(ratePattern.exec(scenario)?.[1])
      return rate > 0 && selection.where(scenario, 'lag').length > 0 ? [{ scenario, rate }] : []
    })
    .sort((a, b) => a.rate - b.rate)
  const sizes = rates.flatMap(({ scenario }) => selection.largestSize(scenario) ?? [])
  const size = sizes.sort((a, b) => b.services - a.services)[0]
  if (size === undefined) return undefined
  const curves = (quantile: Quantile): Curve[] =>
    selection.candidates.flatMap(({ name }) => {
      const points = rates.flatMap(({ scenario, rate }) => {
        const result = selection.find(name, scenario, 'lag', size)
        return result === undefined ? [] : [{ x: rate, y: result[quantile] }]
      })
      return points.length === 0 ? [] : [{ candidate: name, points, lowerBound: [] }]
    })
  return { scenarios: rates.map(({ scenario }) => scenario), size, curves }
}

/**
 * Who didn't keep up, as `iptables at 2,000/s`: the lag grew within the run by more than half of its median, and by
 * more than 10 ms, below which a busy machine's noise lies.
 */
export function fallingBehind(selection: Selection, { scenarios, size }: ChurnLag): string[] {
  return scenarios.flatMap((scenario) =>
    selection.candidates.flatMap(({ name }) => {
      const growth = selection.find(name, scenario, 'lagGrowth', size)?.p50 ?? 0
      const lag = selection.find(name, scenario, 'lag', size)?.p50 ?? 0
      return growth > 10 && growth > lag / 2
        ? [`${name} at ${formatQuantity(Number(ratePattern.exec(scenario)?.[1]), 'per second')}`]
        : []
    }),
  )
}
