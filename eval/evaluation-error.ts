import { CodedError } from '@portolan/core'

/** Codes of {@link EvaluationError}: when it happens, and the fix. */
export const evaluationErrorCodes = {
  EVALUATION_IMPOSSIBLE: {
    when: 'an evaluation cannot be made as it was asked for',
    fix: 'do what the line below the message says',
  },
} as const

/** Something that whoever typed the command can fix. */
export class EvaluationError extends CodedError<keyof typeof evaluationErrorCodes> {
  /** 1: it failed; 2: the command line is wrong. */
  readonly exitCode: 1 | 2

  constructor(message: string, fix: string, exitCode: 1 | 2 = 2) {
    super('EVALUATION_IMPOSSIBLE', message, fix)
    this.exitCode = exitCode
  }
}
