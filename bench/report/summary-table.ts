import type { BenchResults, MetricName, Result } from '../results.ts'
import { type Html, html } from './html.ts'
import { describeSize, formatQuantity } from './quantity.ts'
import { Selection, type Size } from './selection.ts'

/** A column of the summaries in the report and in the terminal. */
export interface SummaryColumn {
  readonly title: string
  readonly scenario: string
  /** Where the first is missing, the next stands for it and is marked so. */
  readonly metrics: readonly MetricName[]
  readonly of: 'p50' | 'p99' | 'floor'
}

/** What a reader asks first. */
export const summaryColumns: readonly SummaryColumn[] = [
  { title: 'One change, p50', scenario: 'endpoint-replaced', metrics: ['eventToCommit', 'apply'], of: 'p50' },
  { title: 'p99', scenario: 'endpoint-replaced', metrics: ['eventToCommit', 'apply'], of: 'p99' },
  { title: 'floor', scenario: 'endpoint-replaced', metrics: ['eventToCommit', 'apply'], of: 'floor' },
  { title: 'Cold start', scenario: 'cold-start', metrics: ['listToCommit', 'apply'], of: 'p50' },
  { title: 'floor', scenario: 'cold-start', metrics: ['listToCommit', 'apply'], of: 'floor' },
  { title: 'CPU per change', scenario: 'endpoint-replaced', metrics: ['cpuPerChange'], of: 'p50' },
  { title: 'Memory, peak', scenario: 'cold-start', metrics: ['rssPeak'], of: 'p50' },
  { title: 'Kernel memory', scenario: 'cold-start', metrics: ['kernelMemory', 'mapMemory'], of: 'p50' },
  { title: 'Connect, last', scenario: 'connect', metrics: ['connectLast'], of: 'p50' },
]

export interface SummaryCell {
  readonly text: string
  /** It is of another metric than the column's. */
  readonly standIn: boolean
}

/** @returns for each candidate that has results at this size, a cell for each column */
export function summaryRows(
  selection: Selection,
  size: Size,
): { readonly candidate: string; readonly cells: readonly SummaryCell[] }[] {
  return selection.candidates.flatMap(({ name }) => {
    const cells = summaryColumns.map((column) => summaryCell(selection, name, column, size))
    return cells.some(({ text }) => text !== '') ? [{ candidate: name, cells }] : []
  })
}

function summaryCell(
  selection: Selection,
  candidate: string,
  column: SummaryColumn,
  size: Size,
): SummaryCell {
  for (const [at, metric] of column.metrics.entries()) {
    const result = selection.find(candidate, column.scenario, metric, size)
    if (result !== undefined)
      return { text: figureOf(result, column.of), standIn: at > 0 && column.of !== 'floor' }
  }
  return { text: '', standIn: false }
}

function figureOf(result: Result, of: SummaryColumn['of']): string {
  const value = of === 'floor' ? result.floor?.p50 : result[of]
  return value === undefined ? '' : formatQuantity(value, result.unit)
}

/** The sizes of a run, the largest last. */
export function summarySizes(selection: Selection): Size[] {
  const scenario = selection.where('endpoint-replaced').length > 0 ? 'endpoint-replaced' : 'cold-start'
  const sizes = new Map(
    selection.where(scenario).map(({ services, endpointsPerService }) => {
      return [`${services} ${endpointsPerService}`, { services, endpointsPerService }]
    }),
  )
  return [...sizes.values()].sort(
    (a, b) => a.services - b.services || a.endpointsPerService - b.endpointsPerService,
  )
}

/** The report's first table: the largest size, one row for each candidate. */
export function summaryTable(results: BenchResults): Html | undefined {
  const selection = new Selection(results)
  const size = selection.largestSize('endpoint-replaced') ?? selection.largestSize('cold-start')
  if (size === undefined) return undefined
  const rows = summaryRows(selection, size)
  const standIn = rows.some(({ cells }) => cells.some((cell) => cell.standIn))
  return html`<section class="summary" id="summary"><h2>In short: ${describeSize(size.services, size.endpointsPerService)}</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">Dataplane</th>${summaryColumns.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({ candidate, cells }) =>
      html`<tr><th scope="row">${candidate}</th>${cells.map(({ text, standIn: mark }) => html`<td class="number">${text === '' ? '–' : text}${mark ? '*' : ''}</td>`)}</tr>\n`,
  )}</tbody>
</table></div>
<p>One change: an endpoint replaced, from the event's first byte to the kernel's commit. Cold start: from the list's first byte to the commit of all rules. Floor: the same kernel writes with nothing around them.${standIn ? ' *: the apply alone, with no process around it.' : ''}</p>
</section>
`
}
