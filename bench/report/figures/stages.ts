import type { MetricName } from '../../metrics.ts'
import { describeSize } from '../quantity.ts'
import { drawStagePanel } from '../stage-panel.ts'
import { type Context, type Figure, wide } from './figure.ts'

const stageNames = [
  ['parse', 'parse'],
  ['tableChange', 'routing table'],
  ['wait', 'wait'],
  ['compute', 'difference'],
  ['compile', 'compile'],
  ['apply', 'apply'],
] as const satisfies readonly (readonly [MetricName, string])[]

export function stages({ selection }: Context): Figure | undefined {
  const scenario = 'endpoint-replaced'
  const size = selection.largestSize(scenario)
  if (size === undefined) return undefined
  const median = (name: string, metric: MetricName, of: string = scenario): number | undefined =>
    selection.find(name, of, metric, size)?.p50
  const inside = selection.candidates.flatMap(({ name }) => {
    const total = median(name, 'eventToCommit')
    const parts = stageNames.flatMap(([metric, stage]) => {
      const value = median(name, metric)
      return value === undefined ? [] : [{ name: stage, value }]
    })
    return total === undefined || parts.length < 2 ? [] : [{ label: name, total, stages: parts }]
  })
  const outside = selection.candidates.flatMap(({ name }) => {
    const total = median(name, 'eventToFirstPacket', 'first-packet')
    const ours = median(name, 'eventToCommit')
    if (total === undefined || ours === undefined) return []
    const around = { name: 'API server, delivery and connect', value: Math.max(0, total - ours) }
    return [{ label: name, total, stages: [{ name: 'event to commit', value: ours }, around] }]
  })
  if (inside.length === 0) return undefined
  const panels = [
    drawStagePanel({ title: 'From event to commit', unit: 'ms', rows: inside }),
    ...(outside.length === 0
      ? []
      : [drawStagePanel({ title: 'From the API server to the first packet', unit: 'ms', rows: outside })]),
  ]
  const scenarios = outside.length === 0 ? [scenario] : [scenario, 'first-packet']
  return wide('stages', 'Where the time goes', scenarios, panels, [
    `One endpoint replaced among ${describeSize(size.services, size.endpointsPerService)}: the stages' medians as shares of their sum, in the order in which they happen, and beside the bar the median of the whole`,
    'Medians of parts need not add up to the median of the whole.',
  ])
}
