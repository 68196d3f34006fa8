import { features } from '@portolan/core'
import type { Row } from './row.ts'

const columns = (['IPv4', 'IPv6'] as const).flatMap((family) =>
  (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => [family, protocol] as const),
)

const sign = { passed: '✔', failed: '✘', gap: '○', unproved: '?' } as const

/** The matrix as text: a line for each claim, a column for each family and protocol, then what needs words. */
export function printMatrix(rows: readonly Row[]): string {
  const names = [...new Set(rows.map(({ name }) => name))]
  const lines = [`${columns.map(([family, protocol]) => `${family} ${protocol}`).join('  ')}`]
  for (const feature of ['basics', ...Object.keys(features)]) {
    const claims = names.filter((name) => rows.some((row) => row.name === name && row.feature === feature))
    if (claims.length === 0) continue
    lines.push('', feature)
    for (const name of claims) {
      const cells = columns.map(([family, protocol]) => {
        const row = rows.find(
          (one) =>
            one.name === name &&
            one.family === family &&
            (one.protocol === protocol || (one.protocol === 'any' && protocol !== 'SCTP')),
        )
        return (row === undefined ? '·' : sign[row.outcome])
          .padStart(5)
          .padEnd(family.length + protocol.length + 3)
      })
      lines.push(`${cells.join('')}${name}`)
    }
  }
  const failed = rows.filter(({ outcome }) => outcome === 'failed')
  if (failed.length > 0) lines.push('', 'Failed:')
  for (const row of failed)
    lines.push(`  ${titleOf(row)}`, ...row.detail.split('\n').map((line) => `    ${line}`))
  const gaps = new Map(
    rows.filter(({ outcome }) => outcome === 'gap').map((row) => [row.detail, row.feature]),
  )
  if (gaps.size > 0) lines.push('', 'Declared gaps:')
  for (const [detail, feature] of gaps) lines.push(`  ${feature}: ${detail}`)
  const unproved = new Set(rows.filter(({ outcome }) => outcome === 'unproved').map(({ detail }) => detail))
  if (unproved.size > 0) lines.push('', 'Not proved:', ...[...unproved].map((detail) => `  ${detail}`))
  lines.push('', summary(rows))
  return `${lines.join('\n')}\n`
}

export function titleOf({ family, protocol, name }: Pick<Row, 'family' | 'protocol' | 'name'>): string {
  return protocol === 'any' ? `${family}: ${name}` : `${family} ${protocol}: ${name}`
}

function summary(rows: readonly Row[]): string {
  const count = (outcome: Row['outcome']) => rows.filter((row) => row.outcome === outcome).length
  return `${count('passed')} passed (${count('gap')} declared gaps), ${count('failed')} failed, ${count('unproved')} skipped`
}
