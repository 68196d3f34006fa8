/** Something that the one who runs the benchmark can mend: what happened, and what to do. */
export class BenchError extends Error {
  readonly code = 'BENCH_IMPOSSIBLE'
  readonly mend: string
  /** 1: it failed; 2: the command line is wrong. */
  readonly exitCode: 1 | 2

  constructor(message: string, mend: string, exitCode: 1 | 2 = 1) {
    super(message)
    this.name = 'BenchError'
    this.mend = mend
    this.exitCode = exitCode
  }
}
