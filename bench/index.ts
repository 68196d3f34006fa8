/**
 * `portolan bench`: what any dataplane costs on this node, from the event to the first packet.
 *
 * ```
 *   command/    the command line, the progress
 *      │
 *   run/        a grid of cells: one subject in one cluster; results from what is recorded
 *      │
 *   scenarios/  what happens in a cell: a file for each, most of them pure data
 *      │
 *      ├── cluster/    the API server in a process of its own, and what it serves
 *      ├── proxy/      what is measured: Portolan's engine in a process that reports on itself
 *      ├── external/   what is measured: any other program, known from outside
 *      └── measure/    clocks, quantiles, CPU and memory, connects, first packets
 *
 *   lower-bound/     the same kernel writes with nothing around them
 *   baselines/       upstream's layouts, as dataplanes
 *   core-only/       what needs no kernel
 *   recording/       a recorded cluster in place of a generated one
 *   worker-process/  a process of ours that is called over IPC
 *   observers/       what metrics and healthz cost a change: a script, whose figures are in docs/metrics.md
 *   conntrack/       what a pass through flows of UDP costs: a script
 *   outages/         what an outage of the API server costs: scripts, whose figures are in docs/operating.md
 *   results.ts       what comes out: every metric and its meaning; report/ draws it, compare/ puts two side by side
 * ```
 */
export { createBenchCommand } from './command/command.ts'
export { checkWritable } from './command/output-file.ts'
export type { MetricName } from './metrics.ts'
export { parseDataplaneName } from './proxy/lab-settings.ts'
export { drawFigures } from './report/figures/index.ts'
export { escapeText, type Html, html, trustedMarkup } from './report/html.ts'
export { formatQuantity } from './report/quantity.ts'
export { textTable, wrapText } from './report/text-table.ts'
export * from './results.ts'
export { describeMachine } from './run/machine.ts'
export { type BenchRun, type Progress, runBench } from './run/run-bench.ts'
