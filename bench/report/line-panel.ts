import type { Unit } from '../metrics.ts'
import { drawChart } from './chart-svg.ts'
import { fontSize, ink, panelTitle, shorten, textAt, textWidth } from './chart-text.ts'
import type { Html } from './html.ts'
import { spreadLabels } from './label-spread.ts'
import { alongLog, type LogAxis, logAxis, tickLabel } from './log-axis.ts'
import { shortCount } from './quantity.ts'
import type { Point } from './selection.ts'
import type { SeriesStyle } from './series-style.ts'

/** A line and its label. */
export interface Line {
  readonly label: string
  readonly style: SeriesStyle
  readonly points: readonly Point[]
  /** Drawn thin and dotted, in the line's colour. */
  readonly lowerBound: readonly Point[]
}

/** One plot: a quantity on a logarithmic axis, against a size (logarithmic too) or against named places. */
export interface LinePanel {
  readonly title: string
  /** Below the horizontal axis. */
  readonly across: string
  /** Names of the places 0, 1, 2, ... of the horizontal axis; without them it is logarithmic. */
  readonly places?: readonly string[]
  readonly unit: Unit
  readonly lines: readonly Line[]
}

const size = { width: 520, height: 336 }
const top = 34
const bottom = 52
const left = 68
const labelGap = 14

/** Values that both of two panels must have room for, so that they can be read against each other. */
export function sharedAxis(panels: readonly LinePanel[]): LogAxis | undefined {
  const [first] = panels
  return first === undefined ? undefined : logAxis(panels.flatMap(allValues), first.unit)
}

/** @param axis the vertical axis; its own, fitting the data, when not given */
export function drawLinePanel(panel: LinePanel, axis: LogAxis = logAxis(allValues(panel), panel.unit)): Html {
  const lines = panel.lines.map((line) => ({ ...line, label: shorten(line.label, 25) }))
  const right = 28 + Math.max(0, ...lines.map(({ label }) => textWidth(label, 12)))
  const plot = { left, top, width: size.width - left - right, height: size.height - top - bottom }
  const across = acrossAxis(panel, plot.width)
  const option = {
    grid: { ...plot, outerBoundsMode: 'none' },
    xAxis: {
      ...across.option,
      name: panel.across,
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: ink.quiet, fontSize },
      axisLine: { show: true, onZero: false, lineStyle: { color: ink.axis } },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'log',
      min: axis.min,
      max: axis.max,
      axisTick: { show: false, customValues: [...axis.ticks] },
      axisLabel: {
        customValues: [...axis.ticks],
        color: ink.quiet,
        fontSize: 12,
        formatter: (value: number) => tickLabel(value, panel.unit),
      },
      axisLine: { show: false },
      splitLine: { show: true, lineStyle: { color: ink.grid } },
    },
    series: lines.flatMap(({ style, points, lowerBound }) => [
      {
        type: 'line',
        silent: true,
        data: lowerBound.filter(isDrawn).map(toPair),
        // Seen also where there is but one size, and so no line.
        symbol: 'rect',
        symbolSize: [9, 1.4],
        color: style.line,
        lineStyle: { width: 1.4, type: [1.5, 3] },
        z: 2,
      },
      {
        type: 'line',
        silent: true,
        data: points.filter(isDrawn).map(toPair),
        symbol: style.symbol,
        symbolSize: 8,
        color: style.line,
        lineStyle: { width: 2, type: style.dash },
        z: 3,
      },
    ]),
    graphic: [panelTitle(panel.title), ...endLabels(lines, { plot, axis, along: across.along })],
  }
  return drawChart(option, size, describe(panel))
}

interface Plot {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Each line's name beside its end, with a thin lead from the end where the name had to move or the line stops early. */
function endLabels(
  lines: readonly Line[],
  { plot, axis, along }: { plot: Plot; axis: LogAxis; along: (x: number) => number },
): object[] {
  const ends = lines.flatMap(({ label, style, points }) => {
    const last = points.findLast(isDrawn)
    if (last === undefined) return []
    const x = plot.left + plot.width * along(last.x)
    const y = plot.top + plot.height * (1 - alongLog(last.y, axis))
    return [{ label, style, x, y }]
  })
  const room = { gap: labelGap, min: plot.top, max: plot.top + plot.height }
  const placed = spreadLabels(
    ends.map(({ y }) => y),
    room,
  )
  const edge = plot.left + plot.width
  return ends.flatMap(({ label, style, x, y }, index) => {
    const labelY = placed[index] ?? y
    const lead = {
      type: 'polyline',
      silent: true,
      shape: {
        points: [
          [x + 5, y],
          [edge + 4, y],
          [edge + 14, labelY],
        ],
      },
      style: { stroke: style.line, lineWidth: 0.8, fill: 'none', opacity: 0.7 },
      z: 1,
    }
    return [lead, textAt(label, { x: edge + 18, y: labelY, fill: style.text })]
  })
}

function acrossAxis(
  { places, lines }: LinePanel,
  width: number,
): { readonly option: object; readonly along: (x: number) => number } {
  const label = { color: ink.quiet, fontSize: 12 }
  if (places !== undefined) {
    const min = -0.25
    const max = places.length - 0.75
    const values = places.map((_, at) => at)
    const option = {
      type: 'value',
      min,
      max,
      axisTick: { customValues: values },
      axisLabel: { ...label, customValues: values, formatter: (at: number) => places[at] ?? '' },
    }
    return { option, along: (x) => (x - min) / (max - min) }
  }
  const values = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b)
  const low = values[0] ?? 1
  const high = values.at(-1) ?? 10
  // A margin of 4 % on both sides; a single size stands in the middle of a decade.
  const ratio = high > low ? (high / low) ** 0.04 : 10 ** 0.5
  const range = { min: low / ratio, max: high * ratio }
  const option = {
    type: 'log',
    ...range,
    axisTick: { customValues: values },
    axisLabel: {
      ...label,
      customValues: readable(values, (value) => width * alongLog(value, range)),
      formatter: shortCount,
    },
  }
  return { option, along: (x) => alongLog(x, range) }
}

/** Those whose labels don't touch, the largest first: that is the one most looked for. */
function readable(values: readonly number[], place: (value: number) => number): number[] {
  const kept: number[] = []
  let free = Number.POSITIVE_INFINITY
  for (const value of values.toReversed()) {
    const half = textWidth(shortCount(value), 12) / 2
    if (place(value) + half + 5 > free) continue
    kept.unshift(value)
    free = place(value) - half
  }
  return kept
}

function allValues({ lines }: LinePanel): number[] {
  return lines.flatMap(({ points, lowerBound }) => [...points, ...lowerBound].map(({ y }) => y))
}

/** A logarithmic axis has no place for 0. */
function isDrawn({ y }: Point): boolean {
  return y > 0 && Number.isFinite(y)
}

function toPair({ x, y }: Point): readonly [number, number] {
  return [x, y]
}

function describe({ title, across, unit, lines, places }: LinePanel): string {
  const said = lines.map(({ label, points }) => {
    const last = points.at(-1)
    if (last === undefined) return `${label}: nothing`
    const where = places?.[last.x] ?? `${shortCount(last.x)} ${across}`
    return `${label}: ${tickLabel(last.y, unit)} at ${where}`
  })
  return `${title}, against ${across}. ${said.join('; ')}.`
}
