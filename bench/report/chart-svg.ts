import { BarChart, LineChart, ScatterChart } from 'echarts/charts'
import { GraphicComponent, GridComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { escapeText, type Html, trustedMarkup } from './html.ts'

use([BarChart, LineChart, ScatterChart, GraphicComponent, GridComponent, SVGRenderer])

export interface ChartSize {
  readonly width: number
  readonly height: number
}

export const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
export const fontSize = 13
export const ink = { text: '#222222', quiet: '#595959', axis: '#8a8a8a', grid: '#e3e3e3' } as const

/** About how wide a text is; there is no browser to ask. Rather too wide than too narrow. */
export function textWidth(text: string, size: number = fontSize): number {
  return text.length * size * 0.58
}

/** At most so many characters, the middle left out: the two ends of a package's name tell it best. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text
  const head = Math.ceil((length - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`
}

/**
 * Draws a chart to SVG text, without a browser. It scales with the page, and prints.
 *
 * @param description what a reader who can't see it is told
 */
export function drawChart(option: EChartsCoreOption, size: ChartSize, description: string): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size })
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: font, fontSize, color: ink.text },
      ...option,
    })
    const svg = chart.renderToSVGString()
    const attributes = `class="chart" role="img" aria-label="${escapeText(description)}"`
    // Without width and height of its own it takes the page's.
    return trustedMarkup(svg.replace(/^<svg width="\d+" height="\d+"/, `<svg ${attributes}`))
  } finally {
    chart.dispose()
  }
}
