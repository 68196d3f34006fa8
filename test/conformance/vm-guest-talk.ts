import type { IpFamily } from '@portolan/core'
import type { Row } from './row.ts'

/** What the kit in the guest is asked for: the one argument of its program, as JSON. */
export interface GuestRequest {
  /** The module whose default export is the dataplane under test, as a URL. */
  readonly underTest: string
  readonly settings: Readonly<Record<string, string>>
  readonly families: readonly IpFamily[]
  readonly inTurns: boolean
  /** Names of the claims to prove. */
  readonly claims: readonly string[]
  readonly slowness: number
}

/** What the kit in the guest says: which scenario begins, by its name, and each row once it is known. */
export type Told = { readonly begins: string } | { readonly row: Row }

/** Begins a line that is the kit's, and not the dataplane's: the record separator of RFC 7464. */
const separator = '\x1e'

/** As a line of the guest's standard output. */
export function toldLine(told: Told): string {
  return `${separator}${JSON.stringify(told)}\n`
}

/** `undefined`: another program said it. */
export function readTold(line: string): Told | undefined {
  return line.startsWith(separator) ? (JSON.parse(line.slice(separator.length)) as Told) : undefined
}
