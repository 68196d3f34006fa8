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
 *      ├── subject/    what is measured: our process that tells of itself, or another program
 *      └── measure/    clocks, quantiles, CPU and memory, connects, first packets
 *
 *   floor/      the same kernel writes with nothing around them
 *   baselines/  upstream's layouts, as dataplanes
 *   core-alone/ what needs no kernel
 *   results.ts  what comes out: every metric and its meaning; report/ draws it, compare/ puts two side by side
 * ```
 */
export { createBenchCommand } from './command/command.ts'
export * from './results.ts'
export { type BenchRun, type Progress, runBench } from './run/run-bench.ts'
