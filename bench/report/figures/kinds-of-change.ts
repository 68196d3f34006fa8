import { drawDotPanel } from '../dot-panel.ts'
import { describeSize } from '../quantity.ts'
import { scenarioName, scenariosOf } from '../scenario-names.ts'
import { type Context, type Figure, wide } from './figure.ts'

export function kindsOfChange({ selection, styles, results }: Context): Figure | undefined {
  const found = scenariosOf(results.results).flatMap((scenario) => {
    const size = selection.largestSize(scenario)
    if (size === undefined || scenario === 'cold-start' || scenario.startsWith('churn')) return []
    const dots = selection.candidates.flatMap((candidate) => {
      for (const metric of ['eventToCommit', 'failureToCommit'] as const) {
        const result = selection.find(candidate.name, scenario, metric, size)
        const style = styles.get(candidate.name)
        if (result === undefined || style === undefined) continue
        return [{ candidate: candidate.name, label: candidate.name, style, p50: result.p50, p99: result.p99 }]
      }
      return []
    })
    return dots.length === 0 ? [] : [{ scenario, size, name: scenarioName(scenario), dots }]
  })
  if (found.length < 2) return undefined
  const panel = {
    unit: 'ms',
    across: 'from event to commit: symbol p50, end of the line p99',
    rows: found,
  } as const
  const sizes = [...new Set(found.map(({ size }) => describeSize(size.services, size.endpointsPerService)))]
  return wide(
    'kinds-of-change',
    'Every kind of change',
    found.map(({ scenario }) => scenario),
    [drawDotPanel(panel)],
    [
      `Each at the largest size that was measured (${sizes.join('; ')})`,
      'A symbol is the median, and the thin line to its right ends at p99; further left is faster.',
      'A zone label changed means that every Service is computed again, so it may cost in proportion to the cluster.',
    ],
  )
}
