/** Exit codes, the same for every command; `portolan --help` lists them. */
export const exitCodes = { success: 0, failure: 1, usage: 2 } as const

/** Codes of {@link UserError}: when it happens, and the fix. */
export const userErrorCodes = {
  USER_ERROR: {
    when: "a command cannot do what it was asked, for a reason on the operator's side",
    fix: 'do what the line below the message says',
  },
} as const

/** Something that the operator can mend: one line says what happened and to what, one what to do. No stack trace. */
export class UserError extends Error {
  readonly code: keyof typeof userErrorCodes = 'USER_ERROR'
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
