import type { IpFamily } from '../table/address.ts'
import type { Dataplane } from './contract.ts'

export type DataplaneMethod = {
  [Name in keyof Dataplane<unknown, unknown>]-?: Required<Dataplane<unknown, unknown>>[Name] extends (
    ...args: never
  ) => unknown
    ? Name
    : never
}[keyof Dataplane<unknown, unknown>]

/**
 * `DATAPLANE_METHOD_FAILED`: it threw. `DATAPLANE_METHOD_HANGS`: it hasn't returned in time.
 * `DATAPLANE_RESULT_INVALID`: it returned something that the contract doesn't allow.
 */
export type DataplaneErrorCode =
  | 'DATAPLANE_METHOD_FAILED'
  | 'DATAPLANE_METHOD_HANGS'
  | 'DATAPLANE_RESULT_INVALID'

/** A dataplane that broke its contract: which one, in which method, for which family, and what to do. */
export class DataplaneError extends Error {
  readonly code: DataplaneErrorCode
  readonly dataplane: string
  readonly method: DataplaneMethod
  readonly mend: string

  constructor(
    code: DataplaneErrorCode,
    at: { readonly dataplane: string; readonly method: DataplaneMethod; readonly family?: IpFamily },
    what: string,
    options: { readonly mend?: string; readonly cause?: unknown } = {},
  ) {
    const family = at.family === undefined ? '' : ` of ${at.family}`
    super(`dataplane ${at.dataplane}: ${at.method}${family} ${what}`, { cause: options.cause })
    this.name = 'DataplaneError'
    this.code = code
    this.dataplane = at.dataplane
    this.method = at.method
    this.mend = options.mend ?? 'report it to the author of the dataplane'
  }
}

/** The first line of what was thrown. Anything can be thrown. */
export function thrownMessage(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
  return message.split('\n')[0] ?? ''
}
