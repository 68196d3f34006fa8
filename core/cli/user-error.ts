import { CodedError } from '../error/coded-error.ts'

/** Exit codes, the same for every command; `portolan --help` lists them. */
export const exitCodes = { success: 0, failure: 1, usage: 2 } as const

/** Codes of {@link UserError}: when it happens, and the fix. */
export const userErrorCodes = {
  USER_ERROR: {
    when: "a command cannot do what it was asked, for a reason on the operator's side",
    fix: 'do what the line below the message says',
  },
} as const

/** Something that the operator can fix: one line says what happened and to what, one what to do. No stack trace. */
export class UserError extends CodedError<keyof typeof userErrorCodes> {
  readonly exitCode: number

  constructor(message: string, options: { fix?: string; exitCode?: number; cause?: unknown } = {}) {
    super('USER_ERROR', message, options.fix, { cause: options.cause })
    this.exitCode = options.exitCode ?? exitCodes.failure
  }
}

/** A mistake in the command line. */
export function usageError(message: string, fix?: string): UserError {
  return new UserError(message, { ...(fix === undefined ? {} : { fix }), exitCode: exitCodes.usage })
}
