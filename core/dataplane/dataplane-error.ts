import { CodedError } from '../error/coded-error.ts'
import type { IpFamily } from '../network/address.ts'
import type { CompiledProgram } from './compiled-program.ts'
import type { Compiler } from './compiler.ts'
import { type ApplyError, applyErrorCodes, type Kernel } from './kernel.ts'

/** A method by the name that its author knows. */
export type DataplaneMethod =
  | keyof Compiler<CompiledProgram, unknown>
  | keyof Kernel<CompiledProgram, unknown>

/** Codes of {@link DataplaneError}: when it happens, and the fix. */
export const dataplaneErrorCodes = {
  DATAPLANE_METHOD_FAILED: {
    when: 'a method of the dataplane threw',
    fix: 'report it, with the method that the message names, to the author of the dataplane',
  },
  DATAPLANE_METHOD_HANGS: {
    when: 'a method of the dataplane has not returned in time',
    fix: 'restart; report it to the author of the dataplane',
  },
  DATAPLANE_RESULT_INVALID: {
    when: 'a method of the dataplane returned something that the contract does not allow',
    fix: 'report it to the author of the dataplane',
  },
} as const

export type DataplaneErrorCode = keyof typeof dataplaneErrorCodes

/** A dataplane that broke its contract: which one, in which method, for which family, and what to do. */
export class DataplaneError extends CodedError<DataplaneErrorCode> {
  readonly dataplane: string
  readonly method: DataplaneMethod

  constructor(
    code: DataplaneErrorCode,
    at: { readonly dataplane: string; readonly method: DataplaneMethod; readonly family?: IpFamily },
    what: string,
    options: { readonly fix?: string; readonly cause?: unknown } = {},
  ) {
    const family = at.family === undefined ? '' : ` of ${at.family}`
    const fix = options.fix ?? 'report it to the author of the dataplane'
    super(code, `dataplane ${at.dataplane}: ${at.method}${family} ${what}`, fix, { cause: options.cause })
    this.dataplane = at.dataplane
    this.method = at.method
  }
}

/** Whether it is one of these, whichever copy of this package has made it: a dataplane may bring its own. */
export function isDataplaneError(error: unknown): error is DataplaneError {
  return error instanceof Error && 'code' in error && Object.hasOwn(dataplaneErrorCodes, String(error.code))
}

/** The same of an {@link ApplyError}. */
export function isApplyError(error: unknown): error is ApplyError {
  return error instanceof Error && 'code' in error && Object.hasOwn(applyErrorCodes, String(error.code))
}

/** The first line of what was thrown. Anything can be thrown. */
export function thrownMessage(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
  return message.split('\n')[0] ?? ''
}
