import type { Command } from 'commander'

/** Adds `report FILE` below `portolan bench`: a report of a run that was made before, or on another machine. */
export function addReportCommand(bench: Command): void {
  bench
    .command('report')
    .summary('draw a results.json again')
    .description('Draws the page with plots from a results.json, and prints its table. Measures nothing.')
    .argument('<file>', 'results.json that portolan bench wrote')
    .option('--report <file>', 'the page', 'report.html')
    .action(async (path: string, { report }: { readonly report: string }) => {
      const { redraw } = await import('./redraw.ts')
      await redraw(path, report, process)
    })
}
