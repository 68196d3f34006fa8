import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { IpFamily } from '@portolan/core'
import type { Row } from './row.ts'

/** What the kit in the guest is asked for: the one argument of its program, as JSON. */
export interface GuestRequest {
  /** The module whose default export is the dataplane under test, as a URL. */
  readonly underTest: string
  readonly settings: Readonly<Record<string, string>>
  readonly families: readonly IpFamily[]
  /** Names of the claims to prove. */
  readonly claims: readonly string[]
  readonly slowness: number
}

/** Begins a line that is the kit's, and not the dataplane's: the record separator of RFC 7464. */
const separator = '\x1e'

/** A row, as a line of the guest's standard output. */
export function toldRow(row: Row): string {
  return `${separator}${JSON.stringify(row)}\n`
}

/**
 * Reads rows as they come; what else is said goes to this process's standard error.
 *
 * @returns a promise that is resolved when the stream has ended and all of it has been read
 */
export async function readToldRows(stream: Readable, tell: (row: Row) => void): Promise<void> {
  const lines = createInterface({ input: stream })
  lines.on('line', (line) => {
    if (line.startsWith(separator)) tell(JSON.parse(line.slice(separator.length)) as Row)
    else process.stderr.write(`${line}\n`)
  })
  await once(lines, 'close')
}
