import type { Unit } from '../metrics.ts'
import { drawChart } from './chart-svg.ts'
import { ink, panelTitle, shorten, textAt, textWidth } from './chart-text.ts'
import type { Html } from './html.ts'
import { formatQuantity } from './quantity.ts'

export interface Stage {
  readonly name: string
  readonly value: number
}

/** How a whole is divided: a bar of 100 % for each candidate, its total beside it. */
export interface StagePanel {
  readonly title: string
  readonly unit: Unit
  readonly rows: readonly {
    readonly label: string
    readonly total: number
    readonly stages: readonly Stage[]
  }[]
}

/** Dark to light in the order of the stages, as in the palette cividis: the order is seen without colour too. */
const shades = [
  { fill: '#00224e', text: '#ffffff' },
  { fill: '#35456c', text: '#ffffff' },
  { fill: '#666970', text: '#ffffff' },
  { fill: '#948e77', text: '#000000' },
  { fill: '#c8b866', text: '#000000' },
  { fill: '#fbe35a', text: '#000000' },
] as const

const size = { width: 1000, bar: 26, gap: 12 }

export function drawStagePanel({ title, unit, rows }: StagePanel): Html {
  const names = [...new Set(rows.flatMap(({ stages }) => stages.map(({ name }) => name)))]
  const left = 24 + Math.max(...rows.map(({ label }) => textWidth(shorten(label, 30))))
  const right = 110
  const top = 62
  const bottom = 36
  const height = top + rows.length * (size.bar + size.gap) + bottom
  // Few stages take shades that are far from each other.
  const step = names.length > 1 ? (shades.length - 1) / (names.length - 1) : 0
  const shown = names.map((name, at) => ({ name, ...(shades[Math.round(at * step)] ?? shades[0]) }))
  const option = {
    grid: { left, right, top, bottom, outerBoundsMode: 'none' },
    xAxis: {
      type: 'value',
      min: 0,
      max: 100,
      axisLabel: { color: ink.quiet, fontSize: 12, formatter: '{value} %' },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map(({ label }) => shorten(label, 30)),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { color: ink.text },
    },
    series: shown.map(({ name, fill, text }) => ({
      type: 'bar',
      silent: true,
      stack: 'all',
      barWidth: size.bar,
      itemStyle: { color: fill, borderColor: '#ffffff', borderWidth: 1 },
      label: { show: true, fontSize: 12, color: text, position: 'inside' },
      data: rows.map(({ stages }) => {
        const value = shareOf(name, stages)
        // A segment too narrow for its label stays without.
        return { value, label: { formatter: value >= 6 ? `${Math.round(value)} %` : ' ' } }
      }),
    })),
    graphic: [
      panelTitle(title),
      ...legend(shown),
      ...rows.map(({ total }, at) => {
        const y = top + (at + 0.5) * (size.bar + size.gap)
        return textAt(formatQuantity(total, unit), { x: size.width - right + 10, y, size: 13, bold: true })
      }),
    ],
  }
  return drawChart(option, { width: size.width, height }, describe({ title, unit, rows }))
}

/** In percent of all stages. */
function shareOf(name: string, stages: readonly Stage[]): number {
  const sum = stages.reduce((total, { value }) => total + Math.max(0, value), 0)
  const value = stages.find((stage) => stage.name === name)?.value ?? 0
  return sum === 0 ? 0 : (Math.max(0, value) / sum) * 100
}

function legend(shown: readonly { readonly name: string; readonly fill: string }[]): object[] {
  let x = 12
  return shown.flatMap(({ name, fill }) => {
    const box = { type: 'rect', silent: true, shape: { x, y: 36, width: 12, height: 12 }, style: { fill } }
    const text = textAt(name, { x: x + 17, y: 42 })
    x += 36 + textWidth(name, 12)
    return [box, text]
  })
}

function describe({ title, unit, rows }: StagePanel): string {
  const said = rows.map(({ label, total, stages }) => {
    const each = stages.map(({ name, value }) => `${name} ${formatQuantity(value, unit)}`)
    return `${label}, ${formatQuantity(total, unit)} in all: ${each.join(', ')}`
  })
  return `${title}. ${said.join('. ')}.`
}
