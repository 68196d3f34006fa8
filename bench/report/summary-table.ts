import type { MetricName } from '../metrics.ts'
import type { BenchResults } from '../results.ts'
import { type Html, html } from './html.ts'
import { describeSize, formatQuantity } from './quantity.ts'
import { Selection, type Size } from './selection.ts'

/** A column of the summaries in the report and in the terminal. */
export interface SummaryColumn {
  readonly title: string
  readonly scenario: string
  readonly metric: MetricName
  readonly of: 'p50' | 'p99' | 'lowerBound'
}

/** What a reader asks first. */
export const summaryColumns: readonly SummaryColumn[] = [
  { title: 'One change, p50', scenario: 'endpoint-replaced', metric: 'eventToCommit', of: 'p50' },
  { title: 'p99', scenario: 'endpoint-replaced', metric: 'eventToCommit', of: 'p99' },
  { title: 'lower bound', scenario: 'endpoint-replaced', metric: 'eventToCommit', of: 'lowerBound' },
  { title: 'To first packet', scenario: 'first-packet', metric: 'eventToFirstPacket', of: 'p50' },
  { title: 'Cold start', scenario: 'cold-start', metric: 'listToCommit', of: 'p50' },
  { title: 'lower bound', scenario: 'cold-start', metric: 'listToCommit', of: 'lowerBound' },
  { title: 'CPU per change', scenario: 'endpoint-replaced', metric: 'cpuPerChange', of: 'p50' },
  { title: 'Memory, peak', scenario: 'cold-start', metric: 'rssPeak', of: 'p50' },
  { title: 'Kernel memory', scenario: 'cold-start', metric: 'kernelMemory', of: 'p50' },
  { title: 'Connect, last', scenario: 'connect', metric: 'connectLast', of: 'p50' },
]

/** @returns for each candidate that has results at this size, a text for each column; empty where there is none */
export function summaryRows(
  selection: Selection,
  size: Size,
): { readonly candidate: string; readonly cells: readonly string[] }[] {
  return selection.candidates.flatMap(({ name }) => {
    const cells = summaryColumns.map(({ scenario, metric, of }) => {
      const result = selection.find(name, scenario, metric, size)
      const value = of === 'lowerBound' ? result?.lowerBound?.p50 : result?.[of]
      return result === undefined || value === undefined ? '' : formatQuantity(value, result.unit)
    })
    return cells.some((text) => text !== '') ? [{ candidate: name, cells }] : []
  })
}

/** Measured of every candidate, also of another program; a run of chosen scenarios may lack it. */
function summaryScenario(selection: Selection): string {
  return selection.where('cold-start').length > 0 ? 'cold-start' : 'endpoint-replaced'
}

/** The sizes of a run, the largest last. */
export function summarySizes(selection: Selection): Size[] {
  const sizes = new Map(
    selection.where(summaryScenario(selection)).map(({ services, endpointsPerService }) => {
      return [`${services} ${endpointsPerService}`, { services, endpointsPerService }]
    }),
  )
  return [...sizes.values()].sort(
    (a, b) => a.services - b.services || a.endpointsPerService - b.endpointsPerService,
  )
}

/** The report's first table: the largest size, and the largest at which all were measured where that is another. */
export function summaryTable(results: BenchResults): Html | undefined {
  const selection = new Selection(results)
  const scenario = summaryScenario(selection)
  const largest = selection.largestSize(scenario)
  const shared = selection.sharedSize(scenario)
  if (largest === undefined) return undefined
  const sizes = shared === undefined || shared.services === largest.services ? [largest] : [largest, shared]
  return html`<section class="summary" id="summary"><h2>In short</h2>
${sizes.map((size) => sizeTable(selection, size))}
<p>One change: an endpoint replaced, from the event's first byte to the kernel's commit. To first packet: from the write
at the API server until a connection reaches the new endpoint. Cold start: from the list's first byte to the commit of
all rules. Lower bound: the same kernel writes with nothing around them.</p>
</section>
`
}

function sizeTable(selection: Selection, size: Size): Html {
  const rows = summaryRows(selection, size).map(({ candidate, cells }) => {
    const figures = cells.map((text) => html`<td class="number">${text === '' ? '–' : text}</td>`)
    return html`<tr><th scope="row">${candidate}</th>${figures}</tr>\n`
  })
  const titles = summaryColumns.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)
  return html`<div class="scroll"><table>
<caption>${describeSize(size.services, size.endpointsPerService)}</caption>
<thead><tr><th scope="col">Dataplane</th>${titles}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
`
}
