import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link QuestionError}: when it happens, and the fix. */
export const questionErrorCodes = {
  QUESTION_INVALID: {
    when: 'what is asked about a connection or the table is not written as it must be',
    fix: 'write it as the line below the message says',
  },
  QUESTION_UNANSWERABLE: {
    when: 'the node has no address that the question is about',
    fix: 'do what the line below the message says',
  },
} as const

/** Why a question about a connection has no answer. Its words name the parameter, and go to whoever asked. */
export class QuestionError extends CodedError<keyof typeof questionErrorCodes> {}

export function invalid(message: string, fix: string): QuestionError {
  return new QuestionError('QUESTION_INVALID', message, fix)
}
