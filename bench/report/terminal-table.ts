import type { MetricName } from '../metrics.ts'
import type { BenchResults } from '../results.ts'
import { describeFailure } from './failure-text.ts'
import { countLost } from './loss-table.ts'
import { describeSize, formatQuantity, threeDigits } from './quantity.ts'
import { scenarioName, scenariosOf } from './scenario-names.ts'
import { Selection, type Size } from './selection.ts'
import { summaryColumns, summaryRows, summarySizes } from './summary-table.ts'
import { type Column, plainText, textTable, wrapText } from './text-table.ts'

/**
 * What a run found, for the terminal: a table for each size, every kind of change at the largest, and what could not
 * be measured.
 *
 * @param width columns of the terminal; a table that is wider is continued below
 * @returns lines, the last one ended too
 */
export function printTable(results: BenchResults, width: number): string {
  const selection = new Selection(results)
  const blocks = [
    ...summarySizes(selection).map((size) => summaryBlock(results, selection, size, width)),
    changesBlock(selection, width),
    coreBlock(selection, width),
    unusableBlock(results, width),
    failureBlock(results, width),
  ]
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

function summaryBlock(results: BenchResults, selection: Selection, size: Size, width: number): string[] {
  const rows = summaryRows(selection, size)
  const lost = rows.map(({ candidate }) => countLost(results, candidate, { size }))
  const withLost = lost.some((count) => count !== undefined)
  const columns: Column[] = [
    { title: '', align: 'left' },
    ...summaryColumns.map(({ title }) => ({ title, align: 'right' as const })),
    ...(withLost ? [{ title: 'Lost', align: 'right' as const }] : []),
  ]
  const lines = rows.map(({ candidate, cells }, at) => {
    const count = lost[at]
    const lostCell = count === undefined ? '-' : `${threeDigits(count.lost)} of ${threeDigits(count.tried)}`
    const texts = cells.map((text) => (text === '' ? '-' : text))
    return [plainText(candidate), ...texts, ...(withLost ? [lostCell] : [])]
  })
  return [describeSize(size.services, size.endpointsPerService), ...textTable(columns, lines, width)]
}

/** The lower bound stands in brackets. */
function changesBlock(selection: Selection, width: number): string[] {
  const metrics: readonly MetricName[] = ['eventToCommit', 'failureToCommit']
  const rows = scenariosOf(selection.all).flatMap((scenario) => {
    const size = selection.largestSize(scenario)
    if (size === undefined || scenario === 'cold-start' || scenario === 'endpoint-replaced') return []
    const cells = selection.candidates.map(({ name }) => {
      const found = metrics.flatMap((metric) => selection.find(name, scenario, metric, size) ?? [])[0]
      if (found === undefined) return ''
      const lowerBound =
        found.lowerBound === undefined ? '' : ` (${formatQuantity(found.lowerBound.p50, found.unit)})`
      return `${formatQuantity(found.p50, found.unit)}${lowerBound}`
    })
    return cells.every((cell) => cell === '') ? [] : [{ name: plainText(scenarioName(scenario)), cells }]
  })
  if (rows.length === 0) return []
  const measured = selection.candidates.map((_, at) => rows.some(({ cells }) => cells[at] !== ''))
  const shown = <T>(list: readonly T[]): T[] => list.filter((_, at) => measured[at])
  const columns: Column[] = [
    { title: '', align: 'left' },
    ...shown(selection.candidates).map(({ name }) => ({ title: plainText(name), align: 'right' as const })),
  ]
  const cells = rows.map((row) => [row.name, ...shown(row.cells).map((cell) => (cell === '' ? '-' : cell))])
  return [
    ...wrapText('Kinds of change at the largest size, from event to commit, p50 (lower bound)', width),
    ...textTable(columns, cells, width),
  ]
}

/** What is measured without a dataplane: a column for each size. */
function coreBlock(selection: Selection, width: number): string[] {
  const of = selection.all.filter(({ dataplane }) => dataplane === 'core')
  if (of.length === 0) return []
  const sizes = [...Map.groupBy(of, sizeName).entries()].sort(([, x], [, y]) => volume(x) - volume(y))
  const figures = [...Map.groupBy(of, ({ scenario, metric }) => `${scenario} ${metric}`)]
  const columns: Column[] = [
    { title: 'Without a dataplane, p50', align: 'left' },
    ...sizes.map(([title]) => ({ title, align: 'right' as const })),
  ]
  const rows = figures.map(([name, results]) => [
    plainText(name),
    ...sizes.map(([size]) => {
      const found = results.find((result) => sizeName(result) === size)
      return found === undefined ? '-' : formatQuantity(found.p50, found.unit)
    }),
  ])
  return textTable(columns, rows, width)
}

function sizeName({ services, endpointsPerService }: Size): string {
  return `${threeDigits(services)} x ${threeDigits(endpointsPerService)}`
}

function volume([first]: readonly Size[]): number {
  return first === undefined ? 0 : first.services * first.endpointsPerService
}

function failureBlock({ failures = [] }: BenchResults, width: number): string[] {
  return failures.flatMap((failure) => wrapText(describeFailure(failure), width, '  '))
}

function unusableBlock({ dataplanes }: BenchResults, width: number): string[] {
  return dataplanes
    .filter(({ usable }) => !usable)
    .flatMap(({ name, reason }) => wrapText(`not measured: ${name}: ${reason}`, width, '  '))
}
