import { rungNames } from '../parts/ladder.ts'
import { type Card, type Check, count, type Part, type PartName, partNames } from '../scorecard.ts'

/** A line of the table that has a column for each dataplane. */
export interface SummaryRow {
  /** `part`: a part as a whole; `detail`: something in it. */
  readonly kind: 'part' | 'detail'
  readonly title: string
  /** In the cards' order; empty: not known. */
  readonly cells: readonly Cell[]
}

export interface Cell {
  readonly text: string
  readonly outcome: 'passed' | 'failed' | 'none'
}

/** What each dataplane calls itself, where that tells them apart, or as it was asked for. */
export function titlesOf(cards: readonly Card[]): readonly string[] {
  return cards.map(({ name, dataplane }) =>
    name === undefined || cards.some((other) => other.name === name && other.dataplane !== dataplane)
      ? dataplane
      : name,
  )
}

const none: Cell = { text: '-', outcome: 'none' }

/** Parts, steps of the ladder, figures: what is asked of all of them beside each other. */
export function summaryRows(cards: readonly Card[]): readonly SummaryRow[] {
  return partNames.flatMap((name) => {
    const parts = cards.map((card) => card.parts.find((part) => part.name === name))
    if (parts.every((part) => part === undefined || part.outcome === 'left out')) return []
    return [{ kind: 'part' as const, title: name, cells: parts.map(partCell) }, ...detailRows(name, parts)]
  })
}

function partCell(part: Part | undefined): Cell {
  if (part === undefined || part.outcome === 'left out') return none
  if (part.outcome === 'not reached') return { text: 'not reached', outcome: 'failed' }
  return counted(part.checks)
}

function counted(checks: readonly Check[]): Cell {
  if (checks.length === 0) return none
  const [passed, failed, gaps, unproved] = (['passed', 'failed', 'gap', 'unproved'] as const).map((outcome) =>
    count(checks, outcome),
  )
  const more = [
    ...(gaps ? [`${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`] : []),
    ...(unproved ? [`${unproved} not asked`] : []),
  ]
  const tail = more.length === 0 ? '' : `, ${more.join(', ')}`
  return failed
    ? { text: `✘ ${failed} of ${(passed ?? 0) + failed} fail${tail}`, outcome: 'failed' }
    : { text: `✔ ${passed}${tail}`, outcome: passed ? 'passed' : 'none' }
}

function detailRows(name: PartName, parts: readonly (Part | undefined)[]): readonly SummaryRow[] {
  const checksOf = (part: Part | undefined) => part?.checks ?? []
  if (name === 'conformance')
    return rungNames.flatMap((rung) => {
      const cells = parts.map((part) => counted(checksOf(part).filter((check) => check.rung === rung)))
      return cells.every((cell) => cell === none) ? [] : [{ kind: 'detail' as const, title: rung, cells }]
    })
  if (name !== 'speed' && name !== 'operation') return []
  const titles = [...new Set(parts.flatMap((part) => checksOf(part).map((check) => check.name)))]
  return titles.map((title) => ({
    kind: 'detail' as const,
    title,
    cells: parts.map((part) => {
      const check = checksOf(part).find((one) => one.name === title)
      if (check === undefined) return none
      const sign = { passed: '', failed: '✘ ', gap: '', unproved: 'not asked: ' }[check.outcome]
      const [line = ''] = check.detail.split('\n')
      const outcome = check.outcome === 'failed' ? 'failed' : check.outcome === 'passed' ? 'passed' : 'none'
      return { text: `${sign}${line || '✔'}`, outcome }
    }),
  }))
}

/** The checks of a card that failed, with their part. */
export function failures({ parts }: Card): readonly (Check & { readonly part: PartName })[] {
  return parts.flatMap(({ name, checks }) =>
    checks.filter(({ outcome }) => outcome === 'failed').map((check) => ({ ...check, part: name })),
  )
}
