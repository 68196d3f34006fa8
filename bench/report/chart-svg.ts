import { BarChart, LineChart, ScatterChart } from 'echarts/charts'
import { GraphicComponent, GridComponent, MarkAreaComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { font, fontSize, ink } from './chart-text.ts'
import { escapeText, type Html, trustedMarkup } from './html.ts'

use([BarChart, LineChart, ScatterChart, GraphicComponent, GridComponent, MarkAreaComponent, SVGRenderer])

export interface ChartSize {
  readonly width: number
  readonly height: number
}

/**
 * Draws a chart to SVG text, without a browser. Having no width and height of its own, it takes the page's.
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
    return trustedMarkup(
      withoutHydration(svg).replace(/^<svg width="\d+" height="\d+"/, `<svg ${attributes}`),
    )
  } finally {
    chart.dispose()
  }
}

/**
 * Without what a browser's copy of the library needs to bring the chart to life, which nothing does here; and without
 * clipping, for the axes have room for every point. So no identifier is left that another chart might have too.
 */
function withoutHydration(svg: string): string {
  return svg
    .replaceAll(/ (?:ecmeta_\w+|class|clip-path|pointer-events)="[^"]*"/g, '')
    .replaceAll(/<(style|defs)\s*>[\s\S]*?<\/\1>\s*/g, '')
}
