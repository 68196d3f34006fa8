import type { MetricName } from '../../metrics.ts'
import { drawLinePanel, type LinePanel } from '../line-panel.ts'
import { plural } from '../quantity.ts'
import { type Context, dotted, type Figure, figure, present, toLines } from './figure.ts'

export function perEndpoints(context: Context): Figure | undefined {
  const { selection, styles } = context
  const widest = (scenario: string): number | undefined => {
    const byServices = Map.groupBy(selection.where(scenario), (r) => r.services)
    const counted = [...byServices].map(([services, results]) => ({
      services,
      sizes: new Set(results.map((r) => r.endpointsPerService)).size,
    }))
    const best = counted.sort((a, b) => b.sizes - a.sizes || b.services - a.services)[0]
    return best === undefined || best.sizes < 2 ? undefined : best.services
  }
  const panelOf = (scenario: string, metric: MetricName, title: string): LinePanel | undefined => {
    const services = widest(scenario)
    if (services === undefined) return undefined
    const lines = toLines(selection.byEndpoints({ scenario, metric, quantile: 'p50' }, services), styles)
    const panel = {
      title: `${title}, ${plural(services, 'Service')}`,
      across: 'endpoints per Service',
    } as const
    return lines.length === 0 ? undefined : { ...panel, unit: 'ms', lines }
  }
  const panels = present([
    panelOf('endpoint-replaced', 'eventToCommit', 'One endpoint replaced, p50'),
    panelOf('cold-start', 'listToCommit', 'Cold start, p50'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('per-endpoints', 'Endpoints per Service', ['endpoint-replaced', 'cold-start'], drawn, [
    'The same figures against the number of endpoints that each Service has',
    dotted,
  ])
}
