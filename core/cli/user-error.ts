/** Exit codes, the same for every command; `portolan --help` lists them. */
export const exitCodes = { success: 0, failure: 1, usage: 2 } as const

/** Something that the operator can mend: one line says what happened and to what, one what to do. No stack trace. */
export class UserError extends Error {
  readonly code = 'USER_ERROR'
  readonly mend: string | undefined
  readonly exitCode: number

  constructor(message: string, options: { mend?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'UserError'
    this.mend = options.mend
    this.exitCode = options.exitCode ?? exitCodes.failure
  }
}

/** A mistake in the command line. */
export function usageError(message: string, mend?: string): UserError {
  return new UserError(message, { ...(mend === undefined ? {} : { mend }), exitCode: exitCodes.usage })
}
