import { metrics, type Unit } from '../metrics.ts'
import { describeFailure } from '../report/failure-text.ts'
import { formatQuantity, plural, threeDigits } from '../report/quantity.ts'
import { type Column, plainText, textTable, wrapText } from '../report/text-table.ts'
import type { Failure } from '../results.ts'
import type { ComparedResult, Comparison, ResultKey, Verdict } from './comparison.ts'

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number
  /** Also what is neither worse nor better. */
  readonly all: boolean
}

const order: readonly Verdict[] = ['worse', 'better', 'changed', 'unsure', 'refused', 'same']
const marks: Readonly<Record<Verdict, string>> = {
  worse: 'WORSE',
  better: 'better',
  changed: 'changed',
  unsure: '?',
  refused: 'no verdict',
  same: '',
}

/** A comparison for the terminal: by dataplane and scenario, what is worse first. */
export function printComparison(comparison: Comparison, { width, all }: TableOptions): string {
  const { rows, warnings, lost, onlyInA, onlyInB, failures } = comparison
  const shown = rows.filter(
    ({ verdict }) => all || verdict === 'worse' || verdict === 'better' || verdict === 'changed',
  )
  const blocks = [
    warnings.flatMap((warning) => wrapText(`warning: ${warning}`, width, '  ')),
    shown.length === 0 ? [] : textTable(columns, grouped(shown), width),
    [...legend(shown, comparison, width), ...wrapText(summary(comparison), width)],
    [...failed('A', failures.a, width), ...failed('B', failures.b, width)],
    [
      ...missing('FAILED in B, and so only in A', lost, width),
      ...missing('only in A', onlyInA, width),
      ...missing('only in B', onlyInB, width),
    ],
  ]
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

/** Groups and the rows in them: by verdict, then from the largest change to the smallest. */
function grouped(rows: readonly ComparedResult[]): (string | string[])[] {
  const sorted = rows.toSorted(
    (x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict) || size(y) - size(x),
  )
  const groups = Map.groupBy(sorted, ({ dataplane, scenario }) => plainText(`${dataplane}, ${scenario}`))
  return [...groups].flatMap(([heading, list]) => [heading, ...list.map(cells)])
}

const columns: readonly Column[] = [
  { title: '', align: 'left' },
  { title: 'Services', align: 'right' },
  { title: 'A', align: 'right' },
  { title: 'B', align: 'right' },
  { title: 'B/A', align: 'right' },
  { title: 'interval', align: 'right' },
  { title: 'p99 B/A', align: 'right' },
  { title: '', align: 'left' },
]

function cells(row: ComparedResult): string[] {
  const { unit, interval } = row
  const sizes = `${threeDigits(row.services)} x ${threeDigits(row.endpointsPerService)}`
  const ends =
    interval === undefined
      ? '-'
      : row.ratio === undefined
        ? `${signed(interval.low, unit)} .. ${signed(interval.high, unit)}`
        : `${factor(interval.low)} .. ${factor(interval.high)}`
  return [
    plainText(`  ${row.metric}`),
    sizes,
    formatQuantity(row.a, unit),
    formatQuantity(row.b, unit),
    row.ratio === undefined ? signed(row.b - row.a, unit) : factor(row.ratio),
    ends,
    row.p99Ratio === undefined ? '-' : factor(row.p99Ratio),
    marks[row.verdict],
  ]
}

function legend(shown: readonly ComparedResult[], { confidence }: Comparison, width: number): string[] {
  if (shown.length === 0) return []
  const texts = [
    `A, B: the typical run. interval: ${percent(confidence)} of B/A (of B less A where either may be 0).`,
    ...(shown.some(({ verdict }) => verdict === 'unsure')
      ? ['?: beyond the threshold, but may be noise.']
      : []),
  ]
  return texts.flatMap((text) => wrapText(text, width, '  '))
}

function summary({ rows, threshold, minRuns }: Comparison): string {
  const count = (verdict: Verdict): number => rows.filter((row) => row.verdict === verdict).length
  const [changed, refused] = [count('changed'), count('refused')]
  const judged = [
    `${plural(rows.length, 'figure')} compared: ${count('worse')} worse and ${count('better')} better by more than ${percent(threshold)}`,
    ...(changed > 0 ? [`${changed} changed`] : []),
    `${count('unsure')} beyond it that may be noise`,
    `${count('same')} within.`,
  ].join(', ')
  if (refused === 0) return judged
  const fewest = (side: 'a' | 'b') => Math.min(...rows.map(({ runs }) => runs[side]))
  const needed = `${minRuns} runs of each side, and A has ${fewest('a')}, B ${fewest('b')}`
  const refusal = `${plural(refused, 'figure')} without a verdict: it needs ${needed}. Measure both with --repeat ${minRuns} or more.`
  return refused === rows.length ? refusal : `${judged} ${refusal}`
}

function failed(side: string, failures: readonly Failure[], width: number): string[] {
  return failures.flatMap((failure) => wrapText(`${side}: ${describeFailure(failure)}`, width, '  '))
}

function missing(which: string, keys: readonly ResultKey[], width: number): string[] {
  if (keys.length === 0) return []
  const counts = Map.groupBy(keys, ({ dataplane, scenario, services, endpointsPerService }) =>
    plainText(`${dataplane} ${scenario} ${services} x ${endpointsPerService}`),
  )
  const named = [...counts.keys()]
  const more = named.length > 6 ? `, and ${named.length - 6} more` : ''
  const text = `${which}: ${plural(keys.length, 'figure')} (${named.slice(0, 6).join('; ')}${more})`
  return wrapText(text, width, '  ')
}

/** How large a change is, whichever way; one without a ratio stands first. */
function size({ ratio, metric }: ComparedResult): number {
  return ratio === undefined ? (metrics[metric].better === undefined ? 0 : 100) : Math.abs(Math.log(ratio))
}

function factor(value: number): string {
  return value >= 1000 || value < 0.001 ? value.toExponential(1) : value.toFixed(value >= 100 ? 0 : 2)
}

function signed(value: number, unit: Unit): string {
  return `${value > 0 ? '+' : ''}${formatQuantity(value, unit)}`
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(share > 0.99 ? 3 : 1))} %`
}
