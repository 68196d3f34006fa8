import { type MetricName, metrics } from '../../metrics.ts'
import type { BenchResults } from '../../results.ts'
import type { Html } from '../html.ts'
import { drawLinePanel, type Line, type LinePanel, sharedAxis } from '../line-panel.ts'
import { plural } from '../quantity.ts'
import type { Curve, Quantile, Selection } from '../selection.ts'
import type { SeriesStyle } from '../series-style.ts'

/** One or two plots that answer one question. */
export interface Figure {
  /** Its address within the page. */
  readonly id: string
  readonly title: string
  /** What it shows and how to read it. */
  readonly reading: string
  readonly scenarios: readonly string[]
  readonly panels: readonly Html[]
  /** Its panels take the whole width, one below the other. */
  readonly wide: boolean
}

export interface Context {
  readonly selection: Selection
  readonly styles: ReadonlyMap<string, SeriesStyle>
  readonly results: BenchResults
}

export const dotted =
  'The dotted line of the same colour is the lower bound: the same kernel writes with nothing around them.'

export function figure(
  id: string,
  title: string,
  scenarios: readonly string[],
  panels: readonly Html[],
  sentences: readonly (string | undefined)[],
): Figure | undefined {
  if (panels.length === 0) return undefined
  const reading = present(sentences).map((sentence) => (/[.:]$/.test(sentence) ? sentence : `${sentence}.`))
  return { id, title, scenarios, panels, reading: reading.join(' '), wide: false }
}

export function wide(...args: Parameters<typeof figure>): Figure | undefined {
  const drawn = figure(...args)
  return drawn === undefined ? undefined : { ...drawn, wide: true }
}

/** p50 and p99 beside each other, on the same vertical axis. */
export function quantiles(context: Context, scenario: string, metric: MetricName): Html[] {
  const panels = (['p50', 'p99'] as const).map((q) => bySize(context, scenario, metric, q, q))
  return drawPair(present(panels))
}

export function drawPair(panels: readonly LinePanel[]): Html[] {
  const axis = sharedAxis(panels)
  return panels.map((panel) => drawLinePanel(panel, axis))
}

export function bySize(
  { selection, styles }: Context,
  scenario: string,
  metric: MetricName,
  title: string,
  quantile: Quantile = 'p50',
): LinePanel | undefined {
  const curves = selection.byServices({ scenario, metric, quantile })
  // What is 0 everywhere has no place on a logarithmic axis, and the tables tell it.
  if (!curves.some(({ points }) => points.some(({ y }) => y > 0))) return undefined
  return { title, across: 'Services', unit: metrics[metric].unit, lines: toLines(curves, styles) }
}

export function toLines(curves: readonly Curve[], styles: ReadonlyMap<string, SeriesStyle>): Line[] {
  return curves.flatMap(({ candidate, points, lowerBound }) => {
    const style = styles.get(candidate)
    return style === undefined ? [] : [{ label: candidate, style, points, lowerBound }]
  })
}

export function atEndpoints({ selection }: Context, scenario: string): string {
  return `Services of ${plural(selection.usualEndpoints(scenario), 'endpoint')} each.`
}

export function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined)
}
