import { listClaims, type Row, titleOf } from '@portolan/conformance'
import { features } from '@portolan/core'

/**
 * What to do about rows that failed, in a few sentences: rows that say the same with other addresses have one cause, and
 * a feature of which nothing works is one to declare, or to do.
 */
export function advise(rows: readonly Row[]): readonly string[] {
  const failed = rows.filter(({ outcome }) => outcome === 'failed')
  const others = failed.filter(({ refutes }) => refutes === undefined)
  return [...adviseGaps(rows, others), ...adviseCauses(others), ...adviseRefuted(failed)]
}

/** `declare gap X or do Y`. */
function adviseGaps(rows: readonly Row[], failed: readonly Row[]): readonly string[] {
  const byFeature = Map.groupBy(failed, ({ feature }) => feature)
  return [...byFeature].flatMap(([feature, those]) => {
    if (feature === 'basics') return []
    const asked = rows.filter((row) => row.feature === feature && row.outcome !== 'unproved')
    return [
      `${those.length} of ${asked.length} rows about "${features[feature]}" fail: do it, or declare it in capabilities.gaps: ` +
        `{ ${feature}: 'what happens instead, for the operator' }${others(those)}`,
    ]
  })
}

/** What some of the rows need besides, so that it may be the cause. */
function others(rows: readonly Row[]): string {
  const needed = listClaims()
    .filter(({ name }) => rows.some((row) => row.name === name))
    .flatMap(({ also = [] }) => also)
  const names = [...new Set(needed)]
  return names.length === 0
    ? ''
    : `; some of them need ${names.join(', ')} as well, which may be what is missing`
}

/** The three largest groups of rows that say the same. */
function adviseCauses(failed: readonly Row[]): readonly string[] {
  const groups = [...Map.groupBy(failed, ({ detail }) => symptom(detail))]
  return groups
    .toSorted(([, one], [, other]) => other.length - one.length)
    .slice(0, 3)
    .flatMap(([said, those]) => {
      const [first] = those
      if (first === undefined) return []
      const which = those.length === 1 ? 'one row says' : `${those.length} rows say the same`
      return [`${which}: "${said}"; begin with --rows '${patternOf(first)}' (${titleOf(first)})`]
    })
}

function adviseRefuted(rows: readonly Row[]): readonly string[] {
  return [...Map.groupBy(rows, ({ refutes }) => refutes)].flatMap(([gap, those]) =>
    gap === undefined ? [] : [`take the gap ${gap} back: ${those.length} of its rows pass`],
  )
}

/** The first line without the addresses, ports, names and numbers in it. */
export function symptom(detail: string): string {
  const [line = ''] = detail.split('\n')
  return line
    .replaceAll(/\d+\.\d+\.\d+\.\d+/g, 'ADDRESS')
    .replaceAll(/\[[0-9a-f:]+\]|\b[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]*/g, 'ADDRESS')
    .replaceAll(/\b(pod|remote|case-)\d+\b/g, '$1N')
    .replaceAll(/\d+/g, 'N')
    .slice(0, 160)
}

function patternOf({ name }: Row): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\']/g, '.').slice(0, 50)
}
