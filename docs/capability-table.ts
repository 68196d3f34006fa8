import { type Capabilities, features } from '@portolan/core'

export interface Declared {
  readonly name: string
  readonly capabilities: Capabilities
}

/**
 * What the dataplanes declare, as a Markdown table: a line for each family, protocol, the kernel and each feature, a column for each
 * dataplane; below it the gaps, in the words of those who declared them.
 */
export function capabilityTable(dataplanes: readonly Declared[]): string {
  const families = ['IPv4', 'IPv6'] as const
  const protocols = ['TCP', 'UDP', 'SCTP'] as const
  /** Each gap's words with those who declare it. A Map keeps the order in which they are numbered. */
  const gaps = new Map<string, string[]>()
  const lines = [
    row('can', ...dataplanes.map(({ name }) => `\`${name}\``)),
    row('---', ...dataplanes.map(() => ':-:')),
    ...families.map((family) =>
      row(family, ...dataplanes.map(({ capabilities }) => sign(capabilities.families.includes(family)))),
    ),
    ...protocols.map((protocol) =>
      row(protocol, ...dataplanes.map(({ capabilities }) => sign(capabilities.protocols.includes(protocol)))),
    ),
  ]
  lines.push(row('from Linux', ...dataplanes.map(({ capabilities }) => capabilities.kernel ?? 'any')))
  for (const [feature, meaning] of Object.entries(features)) {
    const cells = dataplanes.map(({ name, capabilities }) => {
      const gap = capabilities.gaps[feature as keyof typeof features]
      if (gap === undefined) return sign(true)
      const names = gaps.get(gap) ?? []
      if (!names.includes(name)) names.push(name)
      gaps.set(gap, names)
      return `${sign(false)} (${[...gaps.keys()].indexOf(gap) + 1})`
    })
    lines.push(row(meaning, ...cells))
  }
  if (gaps.size > 0) lines.push('')
  for (const [index, [gap, names]] of [...gaps].entries())
    lines.push(`${index + 1}. ${names.join(', ')}: ${gap}`)
  return lines.join('\n')
}

function sign(can: boolean): string {
  return can ? '✔' : '–'
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
