import { isGood, type Outcome, packetsLost } from './try-fault.ts'

const columns = [
  ['fault', 'left'],
  ['times', 'right'],
  ['restarts', 'right'],
  ['packets', 'right'],
  ['lost', 'right'],
  ['changes', 'right'],
  ['lost', 'right'],
  ['seconds', 'right'],
  ['', 'left'],
] as const

/** A table for a person, a part for each dataplane; also good Markdown with `markdown`. */
export function outcomeTable(outcomes: readonly Outcome[], { markdown = false } = {}): string {
  const dataplanes = [...new Set(outcomes.map(({ dataplane }) => dataplane))]
  const parts = dataplanes.map((dataplane) => {
    const rows = outcomes.filter((outcome) => outcome.dataplane === dataplane).map(cells)
    const title = markdown ? `### ${dataplane}` : dataplane
    return `${title}\n\n${layOut([columns.map(([name]) => name), ...rows], markdown)}`
  })
  return [...parts, sums(outcomes)].join('\n\n')
}

/** A row of that table in Markdown, for a run that may not come to its end. */
export function outcomeRow(outcome: Outcome): string {
  return markdownLine(cells(outcome))
}

/** One line for all. */
export function sums(outcomes: readonly Outcome[]): string {
  const sum = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0).toLocaleString('en')
  const bad = outcomes.filter((outcome) => !isGood(outcome)).length
  return (
    `${sum(({ times }) => times)} faults tried in ${outcomes.length} rows; ` +
    `${sum(({ packets }) => packets.tried + packets.flowsTried + packets.held)} packets, ` +
    `${sum(packetsLost)} lost that kube-proxy would not lose; ` +
    `${sum(({ changes }) => changes)} changes, ${sum(({ changesLost }) => changesLost.length)} lost; ` +
    (bad === 0 ? 'all rows good' : `${bad} rows bad`)
  )
}

/** What is wrong with a row, a line each; empty: nothing. */
export function complaints(outcome: Outcome): readonly string[] {
  const { packets, changesLost, errors } = outcome
  return [
    ...(packetsLost(outcome) === 0 ? [] : packets.examples.map((example) => `packet lost: ${example}`)),
    ...changesLost.map((line) => `change lost: ${line}`),
    ...errors,
  ]
}

function cells(outcome: Outcome): string[] {
  const { group, fault, times, restarts, packets, changes, changesLost, seconds, losesPackets } = outcome
  const lost = packets.lost + packets.flowsLost + packets.broken
  const ours = packetsLost(outcome)
  return [
    `${group}: ${fault}`,
    String(times),
    String(restarts),
    String(packets.tried + packets.flowsTried + packets.held),
    ours === 0 && lost > 0 ? `0 (${lost})` : String(ours),
    String(changes),
    String(changesLost.length),
    seconds.toFixed(2),
    [...(losesPackets === undefined ? [] : [losesPackets]), ...(isGood(outcome) ? [] : ['BAD'])].join('; '),
  ]
}

function markdownLine(row: readonly string[]): string {
  return `| ${row.join(' | ')} |`
}

function layOut(rows: readonly (readonly string[])[], markdown: boolean): string {
  if (markdown) {
    const [head = [], ...others] = rows
    const rule = markdownLine(columns.map(([, side]) => (side === 'left' ? '---' : '---:')))
    return [markdownLine(head), rule, ...others.map(markdownLine)].join('\n')
  }
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => {
          const width = widths[at] ?? 0
          return columns[at]?.[1] === 'left' ? cell.padEnd(width) : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
