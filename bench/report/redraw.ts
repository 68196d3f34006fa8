import { writeFile } from 'node:fs/promises'
import { readResults } from '../compare/read-results.ts'
import { printTable, renderReport } from './index.ts'

/** Where a command's output goes. */
export interface Output {
  readonly stdout: { write(text: string): unknown; readonly columns?: number }
  readonly stderr: { write(text: string): unknown }
}

/**
 * Draws a results file to a page, and prints its table.
 *
 * @throws {ResultsError} when the file can't be used
 */
export async function redraw(path: string, page: string, { stdout, stderr }: Output): Promise<void> {
  const { results, problems } = await readResults(path)
  for (const problem of problems) stderr.write(`portolan: ${problem}\n`)
  await writeFile(page, renderReport(results))
  stdout.write(printTable(results, stdout.columns ?? 110))
  stdout.write(`\nplots: ${page}\n`)
}
