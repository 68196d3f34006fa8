import { metrics } from '../metrics.ts'
import type { BenchResults, Result } from '../results.ts'
import { type Html, html } from './html.ts'
import { formatQuantity, plural, shortCount, threeDigits } from './quantity.ts'
import { scenarioName, scenariosOf } from './scenario-names.ts'

/** Every number of a run: a table for each scenario, grouped by metric, ordered by size and then as in the plots. */
export function numbersTables(results: BenchResults): Html {
  const order = new Map(results.dataplanes.map(({ name }, at) => [name, at]))
  const tables = scenariosOf(results.results).map((scenario) => {
    const of = results.results.filter((r) => r.scenario === scenario)
    const byMetric = Map.groupBy(of, ({ metric }) => metric)
    const metricOrder = Object.keys(metrics)
    const groups = [...byMetric].sort((a, b) => metricOrder.indexOf(a[0]) - metricOrder.indexOf(b[0]))
    return html`<details><summary>${scenarioName(scenario)} <span>(${scenario}), ${plural(of.length, 'row')}</span></summary>
<div class="scroll"><table>
<thead><tr><th scope="col" class="number">Services</th><th scope="col" class="number">Endpoints each</th><th scope="col">Dataplane</th>${figures.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
${groups.map(([metric, list]) => metricRows(metric, list, order))}</table></div></details>
`
  })
  return html`<p>Open a scenario for its numbers (what is open is printed too); all of them are in results.json as well. The quantiles are those of all samples of all runs together; the lower bound is that of p50.</p>
${tables}`
}

const figures = ['p50', 'p90', 'p99', 'max', 'Samples', 'Runs', 'Lower bound'] as const

function metricRows(metric: string, results: readonly Result[], order: ReadonlyMap<string, number>): Html {
  const place = ({ dataplane }: Result): number => order.get(dataplane) ?? order.size
  const sorted = results.toSorted(
    (a, b) => a.endpointsPerService - b.endpointsPerService || a.services - b.services || place(a) - place(b),
  )
  const meaning = Object.hasOwn(metrics, metric) ? metrics[metric as keyof typeof metrics].meaning : ''
  return html`<tbody>
<tr><th colspan="10" scope="rowgroup"><strong>${metric}</strong> ${meaning}</th></tr>
${sorted.map(
  (r) =>
    html`<tr><td class="number">${shortCount(r.services)}</td><td class="number">${threeDigits(r.endpointsPerService)}</td><th scope="row">${r.dataplane}</th>${[
      ...[r.p50, r.p90, r.p99, r.max].map((value) => formatQuantity(value, r.unit)),
      threeDigits(r.samples),
      threeDigits(r.runs.length),
      r.lowerBound === undefined ? '' : formatQuantity(r.lowerBound.p50, r.unit),
    ].map((text) => html`<td class="number">${text}</td>`)}</tr>\n`,
)}</tbody>
`
}
