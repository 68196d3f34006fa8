import { textTable, wrapText } from '@portolan/bench'
import { type Card, hasPassed, type Scorecard } from '../scorecard.ts'
import { failures, summaryRows, titlesOf } from './rows.ts'

/** How many failures are told in full; the rest is in the files. */
const shown = 12
const cellWidth = 60

/**
 * A scorecard for the terminal: a table with a column for each dataplane, then what failed and what to do about it.
 *
 * @param width columns of the terminal
 * @returns lines, the last one ended too
 */
export function printScorecard({ cards }: Scorecard, width: number): string {
  const titles = titlesOf(cards)
  const columns = [
    { title: '', align: 'left' as const },
    ...titles.map((title) => ({ title, align: 'left' as const })),
  ]
  const rows = summaryRows(cards).map(({ kind, title, cells }) => [
    kind === 'part' ? title : `  ${title}`,
    ...cells.map(({ text }) => (text.length > cellWidth ? `${text.slice(0, cellWidth - 1)}…` : text)),
  ])
  const lines = [
    ...textTable(columns, rows, width),
    ...cards.flatMap((card, at) => about(card, titles[at] ?? '', width)),
  ]
  return `${lines.join('\n')}\n`
}

function about(card: Card, title: string, width: number): string[] {
  const failed = failures(card)
  const advice = card.parts.flatMap((part) => part.advice)
  const lines = [
    '',
    `${title}: ${hasPassed(card) ? 'nothing that was asked has failed' : `${failed.length} failed`}`,
  ]
  for (const { part, name, detail } of failed.slice(0, shown)) {
    lines.push(`  ${part}: ${name}`)
    lines.push(
      ...detail.split('\n').flatMap((line) => wrapText(line, width - 6).map((text) => `      ${text}`)),
    )
  }
  if (failed.length > shown) lines.push(`  … and ${failed.length - shown} more, in the files`)
  for (const one of advice)
    lines.push(...wrapText(`do: ${one}`, width - 2, '    ').map((text) => `  ${text}`))
  return lines
}
