/** A column of a table for the terminal. */
export interface Column {
  readonly title: string
  /** Numbers stand at the right. */
  readonly align: 'left' | 'right'
}

/**
 * Lines of at most `width` characters. Where the columns don't fit beside each other, the table is continued below, and
 * the first column is repeated there.
 *
 * @param rows as many cells as there are columns, each of one line; or a heading, which takes the whole line
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[] | string)[],
  width: number,
): string[] {
  const widths = columns.map(({ title }, at) =>
    Math.max(length(title), ...rows.map((row) => (typeof row === 'string' ? 0 : length(row[at] ?? '')))),
  )
  const first = widths[0] ?? 0
  const parts: number[][] = []
  let used = Number.POSITIVE_INFINITY
  for (let at = 1; at < columns.length; at++) {
    const needed = gap + (widths[at] ?? 0)
    if (used + needed > width || parts.length === 0) {
      parts.push([])
      used = first
    }
    parts.at(-1)?.push(at)
    used += needed
  }
  const lineOf = (cells: readonly string[], part: readonly number[]): string =>
    [0, ...part]
      .map((at) => pad(cells[at] ?? '', widths[at] ?? 0, columns[at]?.align ?? 'left'))
      .join(' '.repeat(gap))
      .trimEnd()
  const titles = columns.map(({ title }) => title)
  return parts.flatMap((part, at) => [
    ...(at > 0 ? [''] : []),
    lineOf(titles, part),
    ...rows.map((row) => (typeof row === 'string' ? row : lineOf(row, part))),
  ])
}

const gap = 2

/** Words put into lines of at most `width` characters; the second and later lines are indented. */
export function wrapText(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  for (const word of plainText(text).split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && length(last) + 1 + length(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(lines.length === 0 ? word : indent + word)
  }
  return lines
}

/** A name from outside can't move the cursor. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - length(text)))
  return align === 'right' ? space + text : text + space
}

function length(text: string): number {
  return [...text].length
}
