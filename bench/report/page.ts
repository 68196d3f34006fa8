import { readFileSync } from 'node:fs'
import type { BenchResults, Candidate, Machine } from '../results.ts'
import { plotCommand } from './command-line.ts'
import { describeFailure } from './failure-text.ts'
import type { Figure } from './figures/figure.ts'
import { drawFigures } from './figures/index.ts'
import { type Html, html, trustedMarkup } from './html.ts'
import { lossTable } from './loss-table.ts'
import { numbersTables } from './numbers-table.ts'
import { formatQuantity } from './quantity.ts'
import { styleSeries } from './series-style.ts'
import { summaryTable } from './summary-table.ts'

const style = readFileSync(new URL('./style.css', import.meta.url), 'utf8')

/** The whole report: one page without scripts and without anything to load. */
export function reportPage(results: BenchResults): Html {
  const figures = drawFigures(results)
  const losses = lossTable(results)
  const sections = [
    ...figures.map(({ id, title }) => ({ id, title })),
    ...(losses ? [lossSection] : []),
    numbersSection,
  ]
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Portolan benchmark, ${results.machine.date.slice(0, 10)}</title>
<style>${trustedMarkup(style)}</style>
</head>
<body>
<header>
<h1>Portolan benchmark</h1>
${facts(results)}
<nav aria-label="Plots"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${summaryTable(results)}
${candidateTable(results.dataplanes)}
${failureList(results)}
${figures.map((figure) => figureSection(figure, results))}
${losses && html`<section id="${lossSection.id}"><h2>${lossSection.title}</h2>${losses}</section>`}
<section id="${numbersSection.id}"><h2>${numbersSection.title}</h2>${numbersTables(results)}</section>
</main>
</body>
</html>
`
}

const lossSection = { id: 'lost', title: 'Packets lost' }
const numbersSection = { id: 'numbers', title: 'All numbers' }

function facts({ machine, command }: BenchResults): Html {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  const rows: readonly (readonly [string, string | Html])[] = [
    ['Command', html`<code>${command}</code>`],
    ['Kernel', `${machine.kernel}, ${machine.architecture}`],
    ['CPU', `${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}`],
    ['Memory', formatQuantity(machine.memoryBytes, 'bytes')],
    ['Versions', versions.join(', ')],
    ['Date', readableDate(machine.date)],
  ]
  return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`
}

function figureSection({ id, title, reading, scenarios, panels, wide }: Figure, results: BenchResults): Html {
  const { machine } = results
  return html`<section class="plot" id="${id}">
<h2>${title}</h2>
<figure>
<figcaption><p>${reading}</p></figcaption>
<div class="${wide ? 'panels wide' : 'panels'}">${panels.map((panel) => html`<div>${panel}</div>\n`)}</div>
</figure>
<p class="made"><code>${plotCommand(results.command, scenarios)}</code><br>${oneLine(machine)}</p>
</section>
`
}

/** So that a plot that is cut out for a document keeps where it comes from. */
function oneLine({ kernel, cpu, cores, versions, date }: Machine): string {
  const own = versions.portolan === undefined ? [] : [`portolan ${versions.portolan}`]
  return [kernel, `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}`, ...own, readableDate(date)].join(
    ' · ',
  )
}

/** `2026-11-21 06:40 UTC`; a date that is none is shown as it is. */
function readableDate(date: string): string {
  return Number.isNaN(Date.parse(date))
    ? date
    : `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function failureList({ failures = [] }: BenchResults): Html | undefined {
  if (failures.length === 0) return undefined
  return html`<section class="summary"><h2>What failed</h2>
<ul>${failures.map((failure) => html`<li>${describeFailure(failure)}</li>\n`)}</ul>
<p>Neither the scenario that is named nor those after it were measured then.</p></section>
`
}

const kinds: Readonly<Record<Candidate['kind'], string>> = {
  dataplane: 'dataplane',
  baseline: "baseline: upstream's layout, applied by Portolan",
  external: 'external program',
}

function candidateTable(candidates: readonly Candidate[]): Html {
  const styles = styleSeries(candidates)
  const rows = candidates.map(({ name, kind, variant, usable, reason }) => {
    const swatch = html`<span class="swatch" style="background:${styles.get(name)?.line ?? '#000'}"></span>`
    const measured = usable ? 'yes' : html`no: ${reason === '' ? 'no reason was told' : reason}`
    return html`<tr><th scope="row">${swatch}${name}</th><td>${kinds[kind]}</td><td>${variant ?? ''}</td><td>${measured}</td></tr>\n`
  })
  return html`<section class="summary"><h2>What was measured</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Variant</th><th scope="col">Could run here</th></tr></thead>
<tbody>${rows}</tbody>
</table></div></section>
`
}
