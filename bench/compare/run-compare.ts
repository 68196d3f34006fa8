import { compareResults, isRefused, isRegression } from './comparison.ts'
import { printComparison } from './comparison-table.ts'
import { readResults } from './read-results.ts'

export interface CompareFlags {
  readonly threshold: number
  readonly all: boolean
  readonly json: boolean
}

/** Where a command's output goes. */
export interface Output {
  readonly stdout: { write(text: string): unknown; readonly columns?: number }
  readonly stderr: { write(text: string): unknown }
}

const shownProblems = 5

/**
 * Compares two results files and prints the outcome.
 *
 * @returns the exit code: 1 when something is worse, 2 when not one figure could be judged for want of runs
 * @throws ResultsError when a file can't be used
 */
export async function runCompare(
  pathA: string,
  pathB: string,
  flags: CompareFlags,
  output: Output,
): Promise<0 | 1 | 2> {
  const [a, b] = await Promise.all([readResults(pathA), readResults(pathB)])
  const problems = [...a.problems, ...b.problems]
  for (const problem of problems.slice(0, shownProblems)) output.stderr.write(`portolan: ${problem}\n`)
  if (problems.length > shownProblems) {
    output.stderr.write(`portolan: and ${problems.length - shownProblems} more results left out\n`)
  }
  const comparison = compareResults(a.results, b.results, { threshold: flags.threshold })
  const text = flags.json
    ? `${JSON.stringify({ ...comparison, problems }, undefined, 2)}\n`
    : printComparison(comparison, { width: output.stdout.columns ?? 100, all: flags.all })
  output.stdout.write(text)
  if (isRegression(comparison)) return 1
  return isRefused(comparison) ? 2 : 0
}
