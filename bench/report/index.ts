import type { BenchResults } from '../results.ts'
import { reportPage } from './page.ts'

export { printTable } from './terminal-table.ts'

/**
 * The report of a run: one self-contained HTML page, to be written to `report.html`. It has no script and loads
 * nothing, so it can be read without network, mailed and printed. Everything in `results` is escaped.
 */
export function renderReport(results: BenchResults): string {
  return reportPage(results).markup
}
