import { readFileSync } from 'node:fs'
import {
  type BenchResults,
  drawFigures,
  type Html,
  html,
  schemaVersion,
  trustedMarkup,
} from '@portolan/bench'
import { type Card, hasPassed, type Scorecard } from '../scorecard.ts'
import { failures, summaryRows, titlesOf } from './rows.ts'

const style = readFileSync(new URL('./style.css', import.meta.url), 'utf8')

/** One page without scripts and without anything to load. What comes from a dataplane is escaped. */
export function renderPage(scorecard: Scorecard): string {
  const { cards, machine, command } = scorecard
  const figures = drawFigures(figuresOf(scorecard))
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Portolan scorecard: ${cards.map(({ dataplane }) => dataplane).join(', ')}</title>
<style>${trustedMarkup(style)}</style>
</head>
<body>
<h1>Scorecard</h1>
<p><code>${command}</code><br>${machine.kernel}, ${machine.cpu}, ${machine.cores} cores · portolan ${machine.versions.portolan ?? ''} · ${machine.date.slice(0, 16).replace('T', ' ')} UTC</p>
${summary(cards)}
${cards.map(about)}
${figures.map(
  ({ title, reading, panels, wide }) => html`<section><h2>${title}</h2><p>${reading}</p>
<div class="${wide ? 'panels wide' : 'panels'}">${panels.map((panel) => html`<div>${panel}</div>\n`)}</div></section>
`,
)}
${cards.map(allChecks)}
</body>
</html>
`.markup
}

function summary(cards: readonly Card[]): Html {
  const rows = summaryRows(cards).map(
    ({ kind, title, cells }) => html`<tr class="${kind}"><th scope="row">${title}</th>${cells.map(
      ({ text, outcome }) => html`<td class="${outcome}">${text}</td>`,
    )}</tr>
`,
  )
  return html`<div class="scroll"><table>
<thead><tr><td></td>${titlesOf(cards).map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
`
}

function about(card: Card): Html {
  const advice = card.parts.flatMap((part) => part.advice)
  if (hasPassed(card))
    return html`<p class="passed">${card.dataplane}: nothing that was asked has failed.</p>`
  return html`<section><h2>${card.dataplane}: what failed</h2>
${advice.length === 0 ? undefined : html`<ul>${advice.map((one) => html`<li>${one}</li>`)}</ul>`}
<dl>${failures(card).map(
    ({ part, name, detail }) => html`<dt>${part}: ${name}</dt><dd><pre>${detail}</pre></dd>
`,
  )}</dl></section>
`
}

function allChecks({ dataplane, parts }: Card): Html {
  const rows = parts.flatMap(({ name: part, checks }) =>
    checks.map(
      ({ name, outcome, detail }) =>
        html`<tr><td>${part}</td><td class="${outcome}">${outcome}</td><td>${name}</td><td>${detail.split('\n')[0] ?? ''}</td></tr>
`,
    ),
  )
  return html`<details><summary>${dataplane}: all ${rows.length} checks</summary>
<div class="scroll"><table><tbody>${rows}</tbody></table></div></details>
`
}

/** Those of all cards, as one run of the benchmark. */
function figuresOf({ cards, machine, command }: Scorecard): BenchResults {
  const figures = cards.flatMap((card) => card.figures ?? [])
  return {
    schemaVersion,
    command,
    machine,
    dataplanes: figures.flatMap((one) => one.dataplanes),
    results: figures.flatMap((one) => one.results),
    failures: figures.flatMap((one) => one.failures ?? []),
  }
}
