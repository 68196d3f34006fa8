import type { LinePanel } from '../line-panel.ts'
import { plural } from '../quantity.ts'
import type { Curve } from '../selection.ts'
import {
  atEndpoints,
  bySize,
  type Context,
  drawPair,
  type Figure,
  figure,
  present,
  toLines,
} from './figure.ts'

export function firstPacket(context: Context): Figure | undefined {
  const { selection, styles } = context
  const scenario = 'connect'
  const size = selection.sharedSize(scenario)
  if (size === undefined) return undefined
  const positions = ['connectNone', 'connectFirst', 'connectMiddle', 'connectLast'] as const
  const curves = selection.candidates.flatMap(({ name }): Curve[] => {
    const points = positions.flatMap((metric, x) => {
      const y = selection.find(name, scenario, metric, size)?.p50
      return y === undefined ? [] : [{ x, y }]
    })
    return points.length === 0 ? [] : [{ candidate: name, points, lowerBound: [] }]
  })
  const byPosition: LinePanel = {
    title: `TCP connect, p50, ${plural(size.services, 'Service')}`,
    across: 'position of the Service',
    places: ['none', 'first', 'middle', 'last'],
    unit: 'us',
    lines: toLines(curves, styles),
  }
  const last = bySize(context, scenario, 'connectLast', 'TCP connect to the last Service, p50')
  // At one size alone it would say what the panel beside it says.
  const severalSizes = last?.lines.some(({ points }) => points.length > 1) === true
  const panels = present([
    byPosition.lines.length === 0 ? undefined : byPosition,
    severalSizes ? last : undefined,
  ])
  return figure('first-packet', 'First packet against position', [scenario], drawPair(panels), [
    'A new TCP connection to a Service that comes first, in the middle and last in the order of the rules, and past all Services (none: what the path itself costs)',
    atEndpoints(context, scenario),
    'A dataplane that looks a Service up costs the same at every position; one that walks a chain costs more the later the Service comes.',
  ])
}
