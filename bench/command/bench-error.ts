import { CodedError } from '@portolan/core'

/** Codes of {@link BenchError}: when it happens, and the fix. */
export const benchErrorCodes = {
  BENCH_IMPOSSIBLE: {
    when: 'the benchmark cannot run as asked',
    fix: 'do what the line below the message says',
  },
} as const

/** Something that the user of the benchmark can fix: what happened, and what to do. */
export class BenchError extends CodedError<keyof typeof benchErrorCodes> {
  /** 1: it failed; 2: the command line is wrong. */
  readonly exitCode: 1 | 2

  constructor(message: string, fix: string, exitCode: 1 | 2 = 1) {
    super('BENCH_IMPOSSIBLE', message, fix)
    this.exitCode = exitCode
  }
}
