import type { MetricName } from '../metrics.ts'
import type { BenchResults } from '../results.ts'
import { type Html, html } from './html.ts'
import { threeDigits } from './quantity.ts'
import { scenarioName, scenariosOf } from './scenario-names.ts'
import type { Size } from './selection.ts'

/** New connections that were lost while changes were made, out of how many: a plot of zeros would say less. */
export function lossTable(results: BenchResults): Html | undefined {
  const losses = results.results.filter(({ metric }) => metric === 'connectionsLost')
  if (losses.length === 0) return undefined
  const scenarios = scenariosOf(losses)
  const rows = results.dataplanes.flatMap(({ name }) => {
    const counts = scenarios.map((scenario) => countLost(results, name, { scenario }))
    if (counts.every((count) => count === undefined)) return []
    const cells = counts.map((count) => {
      if (count === undefined) return html`<td class="number">–</td>`
      const text = `${threeDigits(count.lost)} of ${threeDigits(count.tried)}`
      return html`<td class="${count.lost > 0 ? 'number lost' : 'number'}">${text}</td>`
    })
    return [html`<tr><th scope="row">${name}</th>${cells}</tr>\n`]
  })
  return html`<p>New connections to a Service while changes were made, to one that they do not concern or (first packet) to the
one that is changed: of how many the first packet had to be sent again, by the count of the kernel, or no answer came, out of
how many, all sizes and runs together.
Anything but 0 is a gap in service.</p>
<div class="scroll"><table>
<thead><tr><th scope="col">Dataplane</th>${scenarios.map((scenario) => html`<th scope="col" class="number">${scenarioName(scenario)}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
<p class="made"><code>${results.command}</code></p>
`
}

export interface Lost {
  readonly lost: number
  readonly tried: number
}

/** Of one candidate, all or only of one scenario or size; undefined when it wasn't looked for. */
export function countLost(
  { results }: BenchResults,
  candidate: string,
  { scenario, size }: { readonly scenario?: string; readonly size?: Size } = {},
): Lost | undefined {
  const of = results.filter(
    (r) =>
      r.dataplane === candidate &&
      (scenario === undefined || r.scenario === scenario) &&
      (size === undefined ||
        (r.services === size.services && r.endpointsPerService === size.endpointsPerService)),
  )
  const sum = (metric: MetricName): number =>
    of
      .filter((r) => r.metric === metric)
      .reduce((total, { runs }) => total + runs.reduce((all, one) => all + one, 0), 0)
  if (!of.some(({ metric }) => metric === 'connectionsLost')) return undefined
  return { lost: sum('connectionsLost'), tried: sum('connectionsTried') }
}
