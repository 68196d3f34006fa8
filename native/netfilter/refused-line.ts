import { SystemCommandError } from '../system-command.ts'

/** A program that reads lines refused one of them: which, as far as it tells. */
export class RefusedLineError extends SystemCommandError {
  /** Absent: the program doesn't tell. */
  readonly line?: string

  constructor(doing: string, cause: SystemCommandError, line: string | undefined) {
    const at = line === undefined ? '' : `, at: ${line}`
    super(cause.code, cause.program, `${doing}: ${cause.message}${at}`, cause.output, { cause })
    this.name = 'RefusedLineError'
    if (line !== undefined) this.line = line
  }
}

/**
 * Runs a program that reads lines, and finds the line that it complains of.
 *
 * @param doing begins the error's message
 * @throws RefusedLineError
 */
export async function namingRefusedLine<Result>(
  doing: string,
  lines: readonly string[],
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof SystemCommandError)) throw error
    throw new RefusedLineError(doing, error, refusedLine(error.output, lines))
  }
}

function refusedLine(output: string, lines: readonly string[]): string | undefined {
  const number = /line:? (\d+)/.exec(output)?.[1]
  if (number === undefined) return undefined
  // iptables' nft variant looks for the chains that rules lead to at the end, and complains of the end.
  const chain = /Chain '(\S+)' does not exist/.exec(output)?.[1]
  const leading = chain === undefined ? undefined : lines.find((line) => line.endsWith(` ${chain}`))
  return leading ?? lines[Number(number) - 1]
}
