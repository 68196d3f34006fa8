import { readFileSync } from 'node:fs'

/**
 * How many files this process may have open: its soft limit, which Node.js has raised to the hard one at its start.
 *
 * @param limits the text of /proc/self/limits
 */
export function openFileLimit(limits: string): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** No limit where it can't be read. */
export function readOpenFileLimit(): number {
  try {
    return openFileLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
