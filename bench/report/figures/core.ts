import type { MetricName } from '../../metrics.ts'
import { drawLinePanel, type Line, type LinePanel } from '../line-panel.ts'
import { plural } from '../quantity.ts'
import { type SeriesStyle, styleAt } from '../series-style.ts'
import { type Context, type Figure, figure, present } from './figure.ts'

export function coreAlone({ selection }: Context): Figure | undefined {
  const endpoints = selection.usualEndpoints('core')
  const lineOf = (metric: MetricName, label: string, drawn: SeriesStyle): Line[] => {
    const points = selection
      .where('core', metric)
      .filter((r) => r.endpointsPerService === endpoints)
      .map((r) => ({ x: r.services, y: r.p50 }))
      .sort((a, b) => a.x - b.x)
    return points.length === 0 ? [] : [{ label, style: drawn, points, lowerBound: [] }]
  }
  const load = [
    ...lineOf('listParse', 'list to records', styleAt(0)),
    ...lineOf('tableBuild', 'records to table', styleAt(1)),
  ]
  const change = lineOf('recordToChange', 'record to change', styleAt(0))
  const across = 'Services'
  const panels = present<LinePanel>([
    load.length === 0 ? undefined : { title: 'Loading everything, p50', across, unit: 'ms', lines: load },
    change.length === 0 ? undefined : { title: 'One change, p50', across, unit: 'us', lines: change },
  ])
  return figure(
    'core',
    'The core alone',
    ['core'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      'What is the same for every dataplane, without a kernel: all objects from JSON text into the routing table, and one changed record into the difference that a dataplane gets',
      `Services of ${plural(endpoints, 'endpoint')} each.`,
    ],
  )
}
