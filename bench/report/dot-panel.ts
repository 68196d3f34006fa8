import type { Unit } from '../metrics.ts'
import { drawChart } from './chart-svg.ts'
import { ink, shorten, textAt, textWidth } from './chart-text.ts'
import type { Html } from './html.ts'
import { logAxis, tickLabel } from './log-axis.ts'
import type { SeriesStyle } from './series-style.ts'

export interface Dot {
  readonly candidate: string
  readonly label: string
  readonly style: SeriesStyle
  /** Where the symbol stands, and where the thin line to the right of it ends. */
  readonly p50: number
  readonly p99: number
}

/** Rows of one quantity on a common logarithmic axis: a symbol for each candidate at p50, a line from it to p99. */
export interface DotPanel {
  readonly unit: Unit
  readonly across: string
  readonly rows: readonly { readonly name: string; readonly dots: readonly Dot[] }[]
}

const width = 1000
const legendLine = 20
const lane = 9

export function drawDotPanel(panel: DotPanel): Html {
  const legend = [
    ...new Map(panel.rows.flatMap(({ dots }) => dots.map((dot) => [dot.candidate, dot]))).values(),
  ]
  const { items, lines } = layLegend(legend)
  const lanes = Math.max(1, legend.length)
  const rowHeight = lanes * lane + 12
  const left = 24 + Math.max(0, ...panel.rows.map(({ name }) => textWidth(shorten(name, 40))))
  const top = lines * legendLine + 12
  const height = top + panel.rows.length * rowHeight + 54
  const axis = logAxis(
    panel.rows.flatMap(({ dots }) => dots.flatMap(({ p50, p99 }) => [p50, p99])),
    panel.unit,
  )
  const laneOf = new Map(legend.map(({ candidate }, at) => [candidate, at]))
  const place = (row: number, candidate: string): number =>
    row + (((laneOf.get(candidate) ?? 0) - (lanes - 1) / 2) * lane) / rowHeight
  const series = panel.rows.flatMap(({ dots }, row) =>
    dots
      .filter(({ p50 }) => p50 > 0)
      .map(({ candidate, style, p50, p99 }) => {
        const y = place(row, candidate)
        const symbol = { symbol: style.symbol, symbolSize: 8 }
        return {
          type: 'line',
          silent: true,
          color: style.line,
          lineStyle: { width: 1.6, type: style.dash },
          data: [
            { value: [p50, y], ...symbol },
            { value: [Math.max(p50, p99), y], symbol: 'rect', symbolSize: [1.6, 6] },
          ],
        }
      }),
  )
  const option = {
    grid: { left, top, right: 30, bottom: 52, outerBoundsMode: 'none' },
    xAxis: {
      type: 'log',
      min: axis.min,
      max: axis.max,
      name: panel.across,
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: { color: ink.quiet },
      axisTick: { customValues: [...axis.ticks] },
      axisLabel: {
        customValues: [...axis.ticks],
        color: ink.quiet,
        fontSize: 12,
        formatter: (value: number) => tickLabel(value, panel.unit),
      },
      axisLine: { show: true, onZero: false, lineStyle: { color: ink.axis } },
      splitLine: { show: true, lineStyle: { color: ink.grid } },
    },
    yAxis: {
      type: 'value',
      inverse: true,
      min: -0.5,
      max: panel.rows.length - 0.5,
      axisTick: { show: false, customValues: panel.rows.map((_, at) => at) },
      axisLabel: {
        customValues: panel.rows.map((_, at) => at),
        color: ink.text,
        formatter: (at: number) => shorten(panel.rows[at]?.name ?? '', 40),
      },
      axisLine: { show: false },
      splitLine: { show: false },
    },
    series: [...bands(panel.rows.length), ...series],
    graphic: items,
  }
  return drawChart(option, { width, height }, describe(panel))
}

/** Every second row is shaded, so that the eye keeps to its row. */
function bands(rows: number): object[] {
  const data = Array.from({ length: Math.floor(rows / 2) }, (_, at) => [
    { yAxis: 2 * at + 0.5 },
    { yAxis: 2 * at + 1.5 },
  ])
  return [{ type: 'line', data: [], markArea: { silent: true, itemStyle: { color: '#f6f6f6' }, data } }]
}

function layLegend(legend: readonly Dot[]): { readonly items: object[]; readonly lines: number } {
  let x = 12
  let line = 0
  const items = legend.flatMap(({ label, style }) => {
    const text = shorten(label, 40)
    const needed = 34 + textWidth(text, 12)
    if (x + needed > width - 12 && x > 12) {
      x = 12
      line += 1
    }
    const y = 14 + line * legendLine
    const mark = legendMark(style, x, y)
    const name = textAt(text, { x: x + 16, y, fill: style.text })
    x += needed
    return [mark, name]
  })
  return { items, lines: line + 1 }
}

function legendMark({ symbol, line }: SeriesStyle, x: number, y: number): object {
  const empty = symbol.startsWith('empty')
  const style = empty ? { fill: '#ffffff', stroke: line, lineWidth: 2 } : { fill: line }
  const shape = symbol.replace('empty', '').toLowerCase()
  if (shape === 'circle') return { type: 'circle', silent: true, shape: { cx: x + 5, cy: y, r: 4 }, style }
  const corners: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
    triangle: [
      [5, -4],
      [9, 4],
      [1, 4],
    ],
    diamond: [
      [5, -5],
      [9, 0],
      [5, 5],
      [1, 0],
    ],
    rect: [
      [1, -4],
      [9, -4],
      [9, 4],
      [1, 4],
    ],
  }
  const points = (corners[shape] ?? []).map(([dx, dy]) => [x + dx, y + dy])
  return { type: 'polygon', silent: true, shape: { points }, style }
}

function describe({ rows, unit, across }: DotPanel): string {
  const said = rows.map(({ name, dots }) => {
    const each = dots.map(
      ({ label, p50, p99 }) => `${label} ${tickLabel(p50, unit)}, p99 ${tickLabel(p99, unit)}`,
    )
    return `${name}: ${each.join('; ')}`
  })
  return `${across}. ${said.join('. ')}.`
}
