/**
 * An error of ours: the message says what happened and to what, the code which kind it is, and the fix what to do. A class
 * of such errors exports a table of its codes beside it, from which docs/errors.md is made.
 */
export class CodedError<Code extends string> extends Error {
  readonly code: Code
  /** `undefined`: the message says it, or the page of codes. */
  readonly fix: string | undefined

  constructor(code: Code, message: string, fix: string | undefined, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.fix = fix
  }
}
